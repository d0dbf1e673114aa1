/**
 * What is wrong with something, in one phrase, with a code and its proof.
 *
 * @module
 */
import { type K8sObject, type ObjectId, objectId, showObject } from '../release/object.ts'
import type { Evidence } from '../release/verdict.ts'
import type { VerdictCode } from './codes.ts'

export type Trouble = {
  /** `failed`: nothing that the cluster does by itself mends it. */
  readonly word: 'failed' | 'waiting'
  readonly code: VerdictCode
  /** A phrase that goes after the numbers: `the image web:v2 was not found`. */
  readonly says: string
  readonly hint: string
  readonly evidence: readonly Evidence[]
  /** Objects that would tell more. */
  readonly asks?: readonly ObjectId[]
}

/** What else is known when an object is judged: events, and objects that were asked for. */
export type Scene = {
  readonly events: readonly K8sObject[]
  readonly others?: ReadonlyMap<string, K8sObject | 'absent'>
}

/** Long enough for every sentence that helps; some controllers quote whole documents. */
const longest = 600

/** Something an object shows. `since` is RFC 3339. */
export function evidence(object: K8sObject, says: string, since?: string): Evidence {
  return { object: showObject(objectId(object)), says: short(says), ...(since === undefined ? {} : { at: since }) }
}

/** On one line, and not endless. */
export function short(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim()
  return line.length > longest ? `${line.slice(0, longest - 1)}…` : line
}

/** Waiting troubles that name a cause, before those that only name its effect. */
const order: readonly VerdictCode[] = [
  'IMAGE_PULL',
  'CREATE_ERROR',
  'CONFIG_MISSING',
  'SERVICE_ACCOUNT',
  'EVICTED',
  'VOLUME',
  'SANDBOX',
  'SCHEDULING_GATED',
  'UNSCHEDULABLE',
  'STARTUP_PROBE',
  'LIVENESS',
  'OUT_OF_MEMORY',
  'START_ERROR',
  'CRASH_LOOP',
  'READINESS_GATE',
  'READINESS',
  'INIT_CONTAINER',
]

/** The one that says most: an end before what may pass, a cause before its effect, the first among equals. */
export function worst(found: readonly Trouble[]): Trouble | undefined {
  const rank = ({ word, code }: Trouble) => {
    if (word === 'failed') return -1
    const place = order.indexOf(code)
    return place < 0 ? order.length : place
  }
  return found.toSorted((a, b) => rank(a) - rank(b))[0]
}
