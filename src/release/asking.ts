/**
 * How requests are asked for and found again: what the server's desk and the journal say to each other.
 *
 * @module
 */
import type { Cluster, Commit, RequestId } from './ids.ts'
import type { DeployRequest } from './request.ts'
import type { Verdict } from './verdict.ts'

/**
 * What makes a repeated request known: whose key it is, the key, and what was asked for with it. `since`: a request that was
 * accepted before is not meant, in milliseconds since the epoch.
 */
export type OnceKey = {
  readonly scope: string
  readonly key: string
  readonly fingerprint: string
  readonly since?: number | undefined
}

/** `mismatch`: the key was used for something else. */
export type AcceptedAs =
  | { readonly kind: 'new' | 'again'; readonly request: DeployRequest }
  | { readonly kind: 'mismatch'; readonly id: RequestId }

export type Listing = {
  readonly cluster?: Cluster | undefined
  /** `namespace/name`, as verdicts name it. */
  readonly release?: string | undefined
  /** Only what was accepted before this one. */
  readonly before?: RequestId | undefined
  /** 1,000 at most. */
  readonly limit: number
}

/** What is known of a request. */
export type Known = {
  readonly request: DeployRequest
  readonly commit?: Commit | undefined
  readonly verdict: Verdict | undefined
}

/** A request that an earlier process left without a verdict. `place` grows in the order of acceptance. */
export type Left = {
  readonly place: number
  readonly request: DeployRequest
  /** Its commit, where it is known to be pushed. */
  readonly commit: Commit | undefined
  /** The tip that its last push stood upon; `undefined`: nothing was pushed. */
  readonly base: Commit | undefined
  /** The last one without a verdict for the same source and cluster, where it asks for another image: it came later. */
  readonly later: RequestId | undefined
  /** How many starts of the server took it up. */
  readonly tries: number
  /** Whether any event tells of it. */
  readonly isTold: boolean
}
