/**
 * How long green must hold where the pods give reason to doubt it: one that died and was started again has to live
 * longer than the life before; one that was ready, and was not, has to stay ready for longer than it did.
 *
 * @module
 */
import type { K8sObject } from '../release/object.ts'
import { conditions, listAt, textAt } from './at.ts'

/** What was seen of a pod. Milliseconds since the epoch, by the watcher's own clock. */
export type PodHistory = {
  readonly readySinceMs: number | undefined
  /** The longest time that it was ready and then was not. */
  readonly longestRunMs: number
  readonly falls: number
}

const unseen: PodHistory = { readySinceMs: undefined, longestRunMs: 0, falls: 0 }
/** Who was not ready once for this long is trusted again. */
const longestHoldMs = 10_000
/** More than one run of a probe with its default period would be asked of every pod that ever fell; half a second more than before is enough. */
const moreMs = 500

/** Adds what is seen now. */
export function watchPod(before: PodHistory | undefined, pod: K8sObject, nowMs: number): PodHistory {
  const known = before ?? unseen
  const ready = conditions(pod).get('Ready')?.status === 'True'
  if (ready) return known.readySinceMs === undefined ? { ...known, readySinceMs: nowMs } : known
  if (known.readySinceMs === undefined) return known
  const ran = nowMs - known.readySinceMs
  return { readySinceMs: undefined, longestRunMs: Math.max(known.longestRunMs, ran), falls: known.falls + 1 }
}

/**
 * Milliseconds that green must still wait for one pod; 0 where there is nothing to doubt.
 *
 * @param history - of this pod
 */
export function doubtMs(pod: K8sObject, history: PodHistory | undefined, nowMs: number): number {
  if (conditions(pod).get('Ready')?.status !== 'True') return 0
  const since = history?.readySinceMs ?? nowMs
  const fell = history === undefined || history.falls === 0 ? 0 : since + history.longestRunMs * 2 + moreMs - nowMs
  const lived = Math.max(0, ...listAt(pod, 'status', 'containerStatuses').map((one) => againMs(one, nowMs)))
  return Math.min(longestHoldMs, Math.max(0, fell, lived))
}

/** A container that was started again: how long until it has lived longer than the life before. */
function againMs(container: unknown, nowMs: number): number {
  const died = time(container, 'lastState', 'terminated', 'finishedAt')
  const born = time(container, 'lastState', 'terminated', 'startedAt')
  const again = time(container, 'state', 'running', 'startedAt')
  if (died === undefined || born === undefined || again === undefined) return 0
  // What happened long ago is no doubt of today's.
  return nowMs - died > longestHoldMs * 6 ? 0 : again + (died - born) + moreMs - nowMs
}

function time(value: unknown, ...path: readonly string[]): number | undefined {
  const found = Date.parse(textAt(value, ...path) ?? '')
  return Number.isNaN(found) ? undefined : found
}
