/**
 * Events as sentences about an object. They are hearsay: they may be late, counted together, or left over from an
 * earlier try, so each rule asks whether what an event says can still be true.
 *
 * @module
 */
import type { K8sObject } from '../release/object.ts'
import { listAt, numberAt, textAt } from './at.ts'

export type Told = {
  readonly reason: string
  readonly message: string
  readonly isWarning: boolean
  /** How often it was said. */
  readonly times: number
  /** RFC 3339, of the last time. */
  readonly at: string | undefined
  /** The container it is about, where it names one. */
  readonly container: string | undefined
}

/** What was said about this very object, oldest first. */
export function toldOf(object: K8sObject, events: readonly K8sObject[]): readonly Told[] {
  const uid = object.metadata.uid
  return events
    .filter((event) => textAt(event, 'involvedObject', 'uid') === uid)
    .map((event) => ({
      reason: textAt(event, 'reason') ?? '',
      message: (textAt(event, 'message') ?? '').trim(),
      isWarning: textAt(event, 'type') === 'Warning',
      times: numberAt(event, 'series', 'count') ?? numberAt(event, 'count') ?? 1,
      at: timeOf(event),
      container: /\{([^}]+)\}/.exec(textAt(event, 'involvedObject', 'fieldPath') ?? '')?.[1],
    }))
}

function timeOf(event: K8sObject): string | undefined {
  return (
    textAt(event, 'series', 'lastObservedTime') ??
    textAt(event, 'lastTimestamp') ??
    textAt(event, 'eventTime') ??
    event.metadata.creationTimestamp
  )
}

/** Milliseconds since the epoch; 0 where there is no time. */
export function timeMs(text: string | undefined): number {
  return Date.parse(text ?? '') || 0
}

/** Controllers write to objects as well; what they note down is no change of what was asked for. */
const controllers = /controller|provisioner|scheduler|kubelet|resizer|balancer/i

/** When somebody last changed what is asked for; 0 where nobody wrote that down. */
function changedMs(object: K8sObject): number {
  const times = listAt(object.metadata, 'managedFields')
    .filter((one) => textAt(one, 'subresource') === undefined && !controllers.test(textAt(one, 'manager') ?? ''))
    .map((one) => timeMs(textAt(one, 'time')))
  return Math.max(0, ...times)
}

/** Whether an event speaks of the object as it is now, and not of what was asked for before. */
export function isCurrent({ at }: Told, object: K8sObject): boolean {
  return timeMs(at) >= changedMs(object)
}
