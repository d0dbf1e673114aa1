/**
 * What could not be done, as a verdict.
 *
 * @module
 */
import { MgoError, messageOf, type Problem } from '../error.ts'
import type { DeployRequest } from '../release/request.ts'
import type { Verdict } from '../release/verdict.ts'

/** What a verdict names of a request, or of a sync. */
export type AskedOf = Pick<DeployRequest, 'id' | 'cluster' | 'acceptedAt'>
/** The verdict of what ended with an error. `now`: milliseconds since the epoch, 0 where no time is to be told. */
export function gaveUp({ id, cluster, acceptedAt }: AskedOf, error: unknown, now: number): Verdict {
  const problem: Problem =
    error instanceof MgoError
      ? (error.problems[0] ?? { code: error.code, message: error.message, hint: error.hint })
      : {
          code: 'INTERNAL',
          message: `mgo itself failed: ${messageOf(error)}`,
          hint: 'This is a bug of mgo: please report it with this text.',
        }
  const timing = { acceptedMs: 0, ...(now > 0 ? { settledMs: now - acceptedAt } : {}) }
  return { id, cluster, verdict: 'failed', releases: [], problem, timing }
}
