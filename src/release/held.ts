/**
 * A push to a registry that was proven and kept, and whose digest the registry could not say yet. It ends in one outcome.
 *
 * @module
 */
import type { Code } from '../error.ts'
import type { Cluster, RequestId } from './ids.ts'

/** Times are milliseconds since the epoch. */
export type HeldPush = {
  /** Grows with time, as those of requests do. */
  readonly id: RequestId
  /** The hook's name, by what it was proven, and what a retry of the vendor repeats. */
  readonly hook: string
  readonly how: string
  readonly delivery: string
  /** Where the delivery is known by its bytes alone: what was accepted before that moment was another one. */
  readonly since?: number | undefined
  /** Who pushed, as the payload claims. */
  readonly by?: string | undefined
  /** The repository as the cluster pulls it. */
  readonly repository: string
  readonly tag: string
  readonly source: string
  readonly cluster: Cluster
  readonly at: number
  /** When it is given up. */
  readonly until: number
  /** Once the registry said it: what is deployed then stays that, whatever happens in between. */
  readonly digest?: string
}

export type HeldOutcome =
  | { readonly kind: 'accepted'; readonly request: RequestId; readonly image: string }
  | { readonly kind: 'ignored'; readonly why: string }
  /** Something newer was asked for meanwhile. */
  | { readonly kind: 'superseded'; readonly by: RequestId }
  | { readonly kind: 'failed'; readonly code: Code; readonly why: string; readonly hint: string }

/** `outcome` is absent while it waits. */
export type Held = { readonly push: HeldPush; readonly outcome?: HeldOutcome }

/** Where held pushes are kept. All throw JOURNAL_FAILED. */
export type HeldMemory = {
  /**
   * Resolves when it is on disk, with the one that waits already where it is sent again: for as long as the later one may
   * wait, where that could be another push.
   */
  hold(push: HeldPush): Promise<HeldPush>
  /** Notes the digest that it will be deployed at. */
  pinned(push: HeldPush): Promise<void>
  /** Ends one; the first outcome counts. */
  end(id: RequestId, outcome: HeldOutcome): Promise<void>
  find(id: RequestId): Promise<Held | undefined>
  /** The one that became a request. */
  before(id: RequestId): Promise<HeldPush | undefined>
  /** Without an outcome, the oldest first, from the id `after` on. */
  open(after: string, limit: number): Promise<readonly HeldPush[]>
  newest(limit: number): Promise<readonly Held[]>
  /** How many have no outcome. */
  count(): Promise<number>
}
