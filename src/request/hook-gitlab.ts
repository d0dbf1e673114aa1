/**
 * GitLab: pushes to a git repository. Its registry speaks as distribution does.
 *
 * @module
 */
import { type Heard, ignored, missing, type Vendor } from './hook.ts'
import { branchOf } from './hook-branch.ts'
import { listAt, textAt } from './hook-fields.ts'

export const gitlab: Vendor = {
  name: 'gitlab',
  title: 'GitLab: git',
  proofs: [{ kind: 'standard' }, { kind: 'header', names: ['x-gitlab-token'] }],
  read({ headers, body }) {
    const event = headers['x-gitlab-event']
    // A system hook tells of everything there is under one name: users, keys, projects.
    const name = event === 'System Hook' ? (textAt(body, 'event_name') ?? textAt(body, 'object_kind')) : event
    if (name === 'Push Hook' || name === 'push') return branchOf(body)
    if (name === 'repository_update') return updated(body)
    return ignored(`GitLab’s event ${name ?? '(none)'} asks for nothing`)
  },
}

/** One push of several branches and tags. */
function updated(body: unknown): Heard {
  const changes = listAt(body, 'changes')
  if (changes === undefined) return missing('changes')
  const branches = changes.map(branchOf).flatMap((one) => (one.kind === 'moved' ? one.branches : []))
  return branches.length === 0 ? ignored('no branch moved') : { kind: 'moved', branches }
}
