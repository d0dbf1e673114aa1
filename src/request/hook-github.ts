/**
 * GitHub: packages of ghcr.io (`package`, `registry_package`), and pushes to a git repository.
 *
 * @module
 */
import { type Heard, ignored, missing, pushed, type Vendor } from './hook.ts'
import { branchOf } from './hook-branch.ts'
import { at, splitImage, textAt } from './hook-fields.ts'

export const github: Vendor = {
  name: 'github',
  title: 'GitHub: ghcr.io, git',
  proofs: [{ kind: 'hmac', header: 'x-hub-signature-256', algorithm: 'sha256', prefix: 'sha256=' }],
  read({ headers, body }) {
    const event = headers['x-github-event']
    if (event === 'package' || event === 'registry_package') return readPackage(body, event)
    if (event === 'push') return branchOf(body)
    return ignored(`GitHub’s event ${event ?? '(none)'} asks for nothing`)
  },
}

function readPackage(body: unknown, event: 'package' | 'registry_package'): Heard {
  const action = textAt(body, 'action')
  if (action !== 'published' && action !== 'updated') return ignored(`the action ${action ?? '(none)'} is no push`)
  const found = at(body, event)
  const type = textAt(found, 'package_type') ?? textAt(found, 'ecosystem') ?? 'unknown'
  if (!/^(?:container|docker)$/i.test(type)) return ignored(`a package of the type ${type} is no image`)
  const name = textAt(found, 'name')
  const owner = textAt(found, 'owner', 'login') ?? textAt(found, 'namespace')
  if (name === undefined || owner === undefined) return missing(`${event}.name`, `${event}.owner.login`)
  const version = at(found, 'package_version')
  // `container_metadata` may be null; the address of the package has the tag, too.
  const tag =
    textAt(version, 'container_metadata', 'tag', 'name') ||
    splitImage(textAt(version, 'package_url') ?? '').tag ||
    versionTag(textAt(version, 'version')) ||
    versionTag(textAt(version, 'name'))
  // The parts of a multi-platform image are packages without a tag.
  if (tag === undefined || tag === '') return ignored('the package has no tag')
  const digest = textAt(version, 'container_metadata', 'tag', 'digest')
  const repository = `${owner}/${name}`.toLowerCase()
  return pushed([{ registry: 'ghcr.io', repository, tag, digest }], textAt(body, 'sender', 'login'))
}

/** Some name a version by its tag, some by its digest, and that is none. */
function versionTag(version: string | undefined): string | undefined {
  return version?.includes(':') === true ? undefined : version
}
