/**
 * The commit that a command looks at.
 *
 * @module
 */
import { MgoError } from '../error.ts'
import type { Repo } from '../ports.ts'
import type { Commit } from '../release/ids.ts'

/** The newest commit of the repo. Throws GIT_NOT_A_REPO where there is none. */
export async function tipOf(repo: Repo): Promise<Commit> {
  const tip = await repo.fetch()
  if (tip !== undefined) return tip
  throw new MgoError({
    code: 'GIT_NOT_A_REPO',
    message: `${repo.name} has no commit on its branch ${repo.branch}`,
    hint: 'Push a first commit with installations/<cluster>/ to it, or name another branch with --branch.',
  })
}
