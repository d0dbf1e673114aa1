/**
 * Who waits for the next push: in the order of arrival, and by what they would change.
 *
 * @module
 */
import type { Commit, RequestId } from '../release/ids.ts'
import { printImage } from '../release/image.ts'
import type { DeployRequest } from '../release/request.ts'
import type { Outcome } from './outcome.ts'

/** A request on its way to its commit. */
export type Queued = {
  readonly request: DeployRequest
  /** The tip that its last push stood upon: from there on it may lie in the branch. Absent: nothing was ever pushed. */
  readonly base?: Commit | undefined
  /** Nothing but the commit is asked for, so nobody looks whether the cluster can be reached. */
  readonly commitOnly?: boolean
}

export type Waiter = {
  readonly queued: Queued
  /** Milliseconds since the epoch: how long it waits for git. */
  readonly untilMs: number
  readonly settle: (outcome: Outcome) => void
  readonly giveUp: (error: unknown) => void
}

export type Waiting = {
  add(waiter: Waiter): void
  remove(waiter: Waiter): void
  find(id: RequestId): Waiter | undefined
  /** Those that a request replaces: the same source on the same cluster, another image, and never pushed. */
  replacedBy(request: DeployRequest): readonly Waiter[]
  /** Takes the first ones out. */
  take(most: number): readonly Waiter[]
  /** Puts one back behind all that would change something else. */
  postpone(waiter: Waiter): void
  /** Puts some back before all others. */
  putBack(waiters: readonly Waiter[]): void
  count(): number
}

/** Makes an empty room. A request that replaces another stands where that one stood. */
export function waitingRoom(): Waiting {
  const lines = new Map<string, readonly Waiter[]>()
  const byId = new Map<RequestId, Waiter>()
  const add = (waiter: Waiter): void => {
    const key = lineOf(waiter.queued.request)
    lines.set(key, [...(lines.get(key) ?? []), waiter])
    byId.set(waiter.queued.request.id, waiter)
  }
  return {
    add,
    remove(waiter) {
      const { request } = waiter.queued
      // An empty line keeps its place: whoever replaces this one comes into it at once, or `take` clears it.
      const rest = (lines.get(lineOf(request)) ?? []).filter(({ queued }) => queued.request.id !== request.id)
      lines.set(lineOf(request), rest)
      byId.delete(request.id)
    },
    find: (id) => byId.get(id),
    replacedBy: (request) => (lines.get(lineOf(request)) ?? []).filter(({ queued }) => replaces(request, queued)),
    take(most) {
      const taken = takeFrom(lines, most)
      for (const { queued } of taken) byId.delete(queued.request.id)
      return taken
    },
    postpone(waiter) {
      const key = lineOf(waiter.queued.request)
      const line = lines.get(key) ?? []
      lines.delete(key)
      lines.set(key, [waiter, ...line])
      byId.set(waiter.queued.request.id, waiter)
    },
    putBack(waiters) {
      const later = [...lines.values()].flat()
      lines.clear()
      for (const waiter of [...waiters, ...later]) add(waiter)
    },
    count: () => byId.size,
  }
}

function takeFrom(lines: Map<string, readonly Waiter[]>, most: number): readonly Waiter[] {
  const taken: Waiter[] = []
  for (const [key, line] of lines) {
    if (taken.length >= most) break
    const some = line.slice(0, most - taken.length)
    taken.push(...some)
    if (some.length === line.length) lines.delete(key)
    else lines.set(key, line.slice(some.length))
  }
  return taken
}

/** Whether a later request takes the place of an earlier one that waits. The same image again is no later one: both get their answer. */
function replaces(later: DeployRequest, earlier: Queued): boolean {
  return earlier.base === undefined && printImage(later.image) !== printImage(earlier.request.image)
}

/** What two requests have in common that change the same values. */
function lineOf({ cluster, source }: DeployRequest): string {
  return `${cluster}\n${source}`
}

/** A later request for the same source and cluster, with another image, replaces an earlier one that has not been committed. */
export function supersede(batch: readonly Queued[]): {
  readonly kept: readonly Queued[]
  readonly superseded: readonly Outcome[]
} {
  const last = new Map(batch.map((queued) => [lineOf(queued.request), queued]))
  const lastOf = (queued: Queued) => last.get(lineOf(queued.request)) ?? queued
  const isReplaced = (queued: Queued) => replaces(lastOf(queued).request, queued)
  return {
    kept: batch.filter((queued) => !isReplaced(queued)),
    superseded: batch
      .filter(isReplaced)
      .map((queued) => ({ kind: 'superseded', request: queued.request, by: lastOf(queued).request.id })),
  }
}
