/**
 * The answer of mgo, the same everywhere: command line, API, events, notifications (contract.md, section 3).
 *
 * @module
 */
import type { Problem } from '../error.ts'
import type { Cluster, Commit, RequestId } from './ids.ts'

/** From the best to the worst; where several releases differ, the worst is the whole's. */
export const words = [
  'unchanged',
  'rendered',
  'healthy',
  // Nobody waited: what was done, and nothing about whether it works (docs/decisions/0007).
  'committed',
  'applied',
  'superseded',
  'timed-out',
  'failed',
  'refused',
] as const
export type Word = (typeof words)[number]

/** Something seen on the cluster; `at` is RFC 3339. */
export type Evidence = { readonly object: string; readonly says: string; readonly at?: string }

export type ReleaseVerdict = {
  readonly release: string
  readonly revision?: number
  readonly verdict: Word
  readonly reason: string
  readonly code?: string
  readonly evidence?: readonly Evidence[]
  readonly hint?: string
}

/** Milliseconds since the request was accepted. */
export type Timing = {
  readonly acceptedMs: number
  readonly committedMs?: number
  readonly pushedMs?: number
  readonly appliedMs?: number
  readonly settledMs?: number
}

export type Verdict = {
  readonly id: RequestId
  readonly cluster: Cluster
  readonly commit?: Commit
  readonly verdict: Word
  /** What was asked for. */
  readonly releases: readonly ReleaseVerdict[]
  /** What the same sync found broken elsewhere; never part of the verdict. */
  readonly others?: readonly ReleaseVerdict[]
  /** Why it was refused, or could not be done. */
  readonly problem?: Problem
  readonly supersededBy?: RequestId
  readonly timing: Timing
}

/** The worse of two words. */
export function worse(a: Word, b: Word): Word {
  return words.indexOf(a) >= words.indexOf(b) ? a : b
}
