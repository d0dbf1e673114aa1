/**
 * What the server needs of a journal, as types. Everything is asynchronous, so that another store can stand behind it.
 *
 * @module
 */
import type { Told } from '../event/event.ts'
import type { AcceptedAs, Known, Left, Listing, OnceKey } from '../release/asking.ts'
import type { Cluster, Commit, RequestId } from '../release/ids.ts'
import type { DeployRequest } from '../release/request.ts'
import type { Verdict } from '../release/verdict.ts'

export type { AcceptedAs, Known, Left, Listing, OnceKey } from '../release/asking.ts'

export type Numbered = { readonly seq: number; readonly told: Told }
export type EventsOf = { readonly request?: RequestId | undefined; readonly cluster?: Cluster | undefined }

/** The requests. All throw JOURNAL_FAILED. */
export type Memory = {
  accept(request: DeployRequest, once?: OnceKey): Promise<AcceptedAs>
  /** What a key stands for already. */
  again(once: OnceKey): Promise<AcceptedAs | undefined>
  committed(id: RequestId, commit: Commit): Promise<void>
  finish(verdict: Verdict): Promise<void>
  find(id: RequestId): Promise<Known | undefined>
  unfinished(after: number, limit: number): Promise<readonly Left[]>
  openTags(cluster: Cluster, source: string): Promise<readonly string[]>
  counted(): Promise<{ readonly requests: number; readonly bytes: number }>
  begun(ids: readonly RequestId[]): Promise<void>
  calm(): Promise<void>
  list(listing: Listing): Promise<readonly Known[]>
}

/** The events. All throw JOURNAL_FAILED. */
export type EventMemory = {
  append(told: readonly Told[]): Promise<readonly number[]>
  eventsAfter(after: number, of: EventsOf, limit: number): Promise<readonly Numbered[]>
  firstEvent(id: RequestId): Promise<number | undefined>
  lastEvent(): Promise<number>
}
