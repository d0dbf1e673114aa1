/**
 * The commit that a command looks at.
 *
 * @module
 */
import { MgoError } from '../error.ts'
import type { Repo, World } from '../ports.ts'
import type { Commit } from '../release/ids.ts'
import { isPassing } from './fault.ts'

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

/** `away`: git did not answer, and this is the newest that was seen. */
export type Latest = { readonly commit: Commit; readonly git: 'answered' | 'away' }

/** How long git has for its answer: whoever rolls back stands before something that is broken. */
const answerMs = 5_000

/**
 * What `asking` gives, or, where git is away, the newest commit that was seen.
 *
 * @throws MgoError GIT_* where none was seen since the start, or where git says what waiting does not mend
 */
export async function latestOf(
  asking: Promise<Commit>,
  { repo, clock }: Pick<World, 'repo' | 'clock'>,
): Promise<Latest> {
  const over = new AbortController()
  try {
    const commit = await Promise.race([asking, clock.sleep(answerMs, over.signal).then(() => undefined)])
    if (commit !== undefined) return { commit, git: 'answered' }
  } catch (error) {
    if (!isPassing(error)) throw error
  } finally {
    over.abort()
  }
  const seen = await repo.tip()
  return seen === undefined ? { commit: await asking, git: 'answered' } : { commit: seen, git: 'away' }
}
