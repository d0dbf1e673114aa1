/**
 * Harbor: its own format, the one of before 2.0 (`pushImage`), and its CloudEvents. An event lists every tag it is about.
 *
 * @module
 */
import { ignored, missing, pushed, type Artifact, type Vendor } from './hook.ts'
import { at, hostOf, listAt, textAt } from './hook-fields.ts'

const pushes = ['PUSH_ARTIFACT', 'pushImage', 'harbor.artifact.pushed']

export const harbor: Vendor = {
  name: 'harbor',
  title: 'Harbor',
  proofs: [{ kind: 'header', names: ['authorization'] }],
  delivery: (body) => (at(body, 'specversion') === undefined ? undefined : textAt(body, 'id')),
  read({ body }) {
    const type = textAt(body, 'type')
    if (type === undefined) return missing('type')
    if (!pushes.includes(type)) return ignored(`the event ${type} is no push`)
    const data = at(body, 'event_data') ?? at(body, 'data')
    const repository = textAt(data, 'repository', 'repo_full_name') ?? joined(at(data, 'repository'))
    const resources = listAt(data, 'resources')
    if (repository === undefined || resources === undefined)
      return missing('event_data.repository.repo_full_name', 'event_data.resources')
    const artifacts = resources.flatMap((one): Artifact[] => {
      const tag = textAt(one, 'tag')
      // A push by digest alone repeats the digest where the tag should be.
      if (tag === undefined || tag.includes(':')) return []
      return [{ registry: hostOf(textAt(one, 'resource_url')), repository, tag, digest: textAt(one, 'digest') }]
    })
    if (artifacts.length === 0) return ignored('a push without a tag')
    return pushed(artifacts, textAt(body, 'operator'))
  },
}

function joined(repository: unknown): string | undefined {
  const [namespace, name] = [textAt(repository, 'namespace'), textAt(repository, 'name')]
  return namespace === undefined || name === undefined ? undefined : `${namespace}/${name}`
}
