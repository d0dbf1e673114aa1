/**
 * Bitbucket, Cloud and Data Center: pushes to a git repository, several branches in one delivery.
 *
 * @module
 */
import { ignored, missing, type Vendor } from './hook.ts'
import { listAt, textAt } from './hook-fields.ts'

export const bitbucket: Vendor = {
  name: 'bitbucket',
  title: 'Bitbucket: git',
  proofs: [{ kind: 'hmac', header: 'x-hub-signature', algorithm: 'sha256', prefix: 'sha256=' }],
  read({ headers, body }) {
    const event = headers['x-event-key']
    if (event !== 'repo:push' && event !== 'repo:refs_changed')
      return ignored(`Bitbucket’s event ${event ?? '(none)'} asks for nothing`)
    const changes = event === 'repo:push' ? listAt(body, 'push', 'changes') : listAt(body, 'changes')
    if (changes === undefined) return missing('changes')
    const branches = changes.flatMap((change) => cloudBranch(change) ?? serverBranch(change) ?? [])
    return branches.length === 0 ? ignored('no branch moved') : { kind: 'moved', branches }
  },
}

/** A deleted branch has no `new`. */
function cloudBranch(change: unknown): string | undefined {
  return textAt(change, 'new', 'type') === 'branch' ? textAt(change, 'new', 'name') : undefined
}

function serverBranch(change: unknown): string | undefined {
  const moved = textAt(change, 'ref', 'type') === 'BRANCH' && textAt(change, 'type') !== 'DELETE'
  return moved ? textAt(change, 'ref', 'displayId') : undefined
}
