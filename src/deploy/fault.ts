/**
 * What kind of fault an error is: one that passes, or one that stays.
 *
 * @module
 */
import { type Code, MgoError } from '../error.ts'

/** The world's own troubles: an outage, a full disk, a machine out of processes. The same request may work later. */
const passing: ReadonlySet<Code> = new Set([
  'GIT_UNREACHABLE',
  'GIT_BUSY',
  'GIT_FAILED',
  'PROGRAM_FAILED',
  'JOURNAL_FAILED',
])
/** Of those, what a single request of a batch may bring upon the others. */
const single: ReadonlySet<Code> = new Set(['GIT_FAILED'])

/** Whether waiting may help. */
export function isPassing(error: unknown): boolean {
  return error instanceof MgoError && passing.has(error.code)
}

/** Whether one request of a batch may be the cause for all of it. */
export function mayBeOneRequest(error: unknown): boolean {
  return error instanceof MgoError && single.has(error.code)
}
