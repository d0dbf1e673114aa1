/**
 * Gitea and Forgejo: packages of their registry, and pushes to a git repository. The payload of a package names no host
 * that can be trusted to be the registry's: the package's own address does.
 *
 * @module
 */
import { type Heard, ignored, missing, pushed, type Vendor } from './hook.ts'
import { branchOf } from './hook-branch.ts'
import { at, hostOf, textAt } from './hook-fields.ts'

export const gitea: Vendor = {
  name: 'gitea',
  title: 'Gitea, Forgejo: packages, git',
  proofs: [
    { kind: 'hmac', header: 'x-gitea-signature', algorithm: 'sha256', prefix: '' },
    { kind: 'hmac', header: 'x-hub-signature-256', algorithm: 'sha256', prefix: 'sha256=' },
  ],
  read({ headers, body }) {
    const event = headers['x-gitea-event'] ?? headers['x-github-event']
    if (event === 'package') return readPackage(body)
    if (event === 'push') return branchOf(body)
    return ignored(`Gitea’s event ${event ?? '(none)'} asks for nothing`)
  },
}

function readPackage(body: unknown): Heard {
  const action = textAt(body, 'action')
  if (action !== 'created') return ignored(`the action ${action ?? '(none)'} is no push`)
  const found = at(body, 'package')
  const type = textAt(found, 'type') ?? '(none)'
  if (type !== 'container') return ignored(`a package of the type ${type} is no image`)
  const owner = textAt(found, 'owner', 'login') ?? textAt(found, 'owner', 'username')
  const [name, tag] = [textAt(found, 'name'), textAt(found, 'version')]
  if (owner === undefined || name === undefined || tag === undefined)
    return missing('package.owner', 'package.name', 'package.version')
  // The parts of a multi-platform image are versions that are digests.
  if (tag.includes(':')) return ignored('a push without a tag')
  const registry = hostOf(textAt(found, 'html_url'))
  return pushed([{ registry, repository: `${owner}/${name}`.toLowerCase(), tag }], textAt(body, 'sender', 'login'))
}
