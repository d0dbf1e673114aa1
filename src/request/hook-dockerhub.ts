/**
 * Docker Hub: one tag a delivery, no signature, no id. Its `callback_url` is never called: an address in a payload is
 * nothing to send requests to.
 *
 * @module
 */
import { ignored, pushed, missing, type Vendor } from './hook.ts'
import { at, textAt } from './hook-fields.ts'

export const dockerhub: Vendor = {
  name: 'dockerhub',
  title: 'Docker Hub',
  proofs: [{ kind: 'path' }],
  read({ body }) {
    const [namespace, name] = [textAt(body, 'repository', 'namespace'), textAt(body, 'repository', 'name')]
    const joined = namespace === undefined || name === undefined ? undefined : `${namespace}/${name}`
    const repository = textAt(body, 'repository', 'repo_name') ?? joined
    const pushData = at(body, 'push_data')
    if (repository === undefined || pushData === undefined) return missing('repository.repo_name', 'push_data')
    const tag = textAt(pushData, 'tag')
    if (tag === undefined) return ignored('a push without a tag')
    return pushed([{ registry: 'docker.io', repository, tag }], textAt(pushData, 'pusher'))
  },
}
