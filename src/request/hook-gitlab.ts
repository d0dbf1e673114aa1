/**
 * GitLab: pushes to a git repository. Its registry speaks as distribution does.
 *
 * @module
 */
import { ignored, type Vendor } from './hook.ts'
import { branchOf } from './hook-branch.ts'

export const gitlab: Vendor = {
  name: 'gitlab',
  title: 'GitLab: git',
  proofs: [{ kind: 'standard' }, { kind: 'header', names: ['x-gitlab-token'] }],
  read({ headers, body }) {
    const event = headers['x-gitlab-event']
    return event === 'Push Hook' || event === 'System Hook'
      ? branchOf(body)
      : ignored(`GitLab’s event ${event ?? '(none)'} asks for nothing`)
  },
}
