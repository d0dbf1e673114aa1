/**
 * What became of a request on its way to a commit.
 *
 * @module
 */
import type { Problem } from '../error.ts'
import type { Commit, RequestId } from '../release/ids.ts'
import type { Release } from '../release/release.ts'
import type { DeployRequest } from '../release/request.ts'
import type { Drafted } from './draft.ts'

/** What became of one request. `commit` is where its releases stand as asked; `tip` the newest one that was seen to hold it. */
export type Outcome =
  | {
      readonly kind: 'committed'
      readonly request: DeployRequest
      readonly commit: Commit
      readonly tip: Commit
      /** Absent where an earlier attempt, whose answer was lost, had pushed it. */
      readonly times?: Times
      readonly releases: readonly Release[]
    }
  | {
      readonly kind: 'unchanged'
      readonly request: DeployRequest
      readonly commit: Commit
      readonly tip: Commit
      readonly releases: readonly Release[]
    }
  | { readonly kind: 'refused'; readonly request: DeployRequest; readonly problems: readonly Problem[] }
  | { readonly kind: 'superseded'; readonly request: DeployRequest; readonly by: RequestId }

export type Committed = Extract<Outcome, { readonly kind: 'committed' }>

/** Milliseconds since the epoch. */
export type Times = { readonly committedAt: number; readonly pushedAt: number }

type Standing = { readonly tip: Commit; readonly times: Times }

/** The outcome of a draft that stands at `commit`. */
export function outcome(drafted: Drafted, commit: Commit, { tip, times }: Standing): Outcome {
  const { request } = drafted
  switch (drafted.kind) {
    case 'changed':
      return { kind: 'committed', request, commit, tip, releases: drafted.releases, times }
    case 'unchanged':
      return { kind: 'unchanged', request, commit, tip, releases: drafted.releases }
    case 'refused':
      return { kind: 'refused', request, problems: drafted.problems }
  }
}

/** A release as verdicts and events name it. */
export function nameOf({ namespace, name }: Release): string {
  return `${namespace}/${name}`
}
