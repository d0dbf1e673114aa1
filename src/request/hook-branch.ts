/**
 * A push to a git repository, in the form that GitHub, GitLab and Gitea share. Which files changed is read from git, not
 * from here: the lists of a payload are cut off, and a payload proves nothing about a repository.
 *
 * @module
 */
import { type Heard, ignored, missing } from './hook.ts'
import { textAt } from './hook-fields.ts'

/** Reads `ref` and `after`. */
export function branchOf(body: unknown): Heard {
  const ref = textAt(body, 'ref')
  if (ref === undefined) return missing('ref')
  if (!ref.startsWith('refs/heads/')) return ignored(`${ref} is no branch`)
  if (/^0{40,64}$/.test(textAt(body, 'after') ?? '')) return ignored('the branch was deleted')
  return { kind: 'moved', branches: [ref.slice('refs/heads/'.length)] }
}
