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
  /**
   * A later request for the same source and cluster, with another image: it takes the place of this one, unless this one is
   * in the branch. That other one may be there already, or come with a later batch; this one must not land upon it.
   */
  readonly later?: RequestId | undefined
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
  /** Takes the first ones out; each knows who of its line takes its place. */
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
    taken.push(...some.map((waiter) => yielding(waiter, line.at(-1))))
    if (some.length === line.length) lines.delete(key)
    else lines.set(key, line.slice(some.length))
  }
  return taken
}

/** One that says who takes its place, where the last of its line does. */
function yielding(waiter: Waiter, last: Waiter | undefined): Waiter {
  if (last === undefined || isAlike(waiter.queued.request, last.queued.request)) return waiter
  return { ...waiter, queued: { ...waiter.queued, later: last.queued.request.id } }
}

/** Whether a later request takes the place of an earlier one that waits. The same image again is no later one: both get their answer. */
function replaces(later: DeployRequest, earlier: Queued): boolean {
  return earlier.base === undefined && !isAlike(later, earlier.request)
}

function isAlike(one: DeployRequest, other: DeployRequest): boolean {
  return printImage(one.image) === printImage(other.image)
}

/** What two requests have in common that change the same values. */
function lineOf({ cluster, source }: DeployRequest): string {
  return `${cluster}\n${source}`
}

/** Those whose place a later one takes are answered; the others are kept. One that cannot be done takes nobody's place. */
export function supersede(
  batch: readonly Queued[],
  cannot: ReadonlyMap<RequestId, unknown>,
): {
  readonly kept: readonly Queued[]
  readonly superseded: readonly Outcome[]
} {
  const replacing = ({ later }: Queued) => (later === undefined || cannot.has(later) ? undefined : later)
  return {
    kept: batch.filter((queued) => replacing(queued) === undefined),
    superseded: batch.flatMap((queued) => {
      const by = replacing(queued)
      return by === undefined ? [] : { kind: 'superseded', request: queued.request, by }
    }),
  }
}
