/**
 * Whether a full quota may still empty: old pods of the same Deployment hold room until they are gone, and its own rules
 * say which of them may go.
 *
 * @module
 */
import type { K8sObject } from '../release/object.ts'
import { at, conditions, numberAt } from './at.ts'
import { timeMs } from './events.ts'
import type { Live } from './status.ts'

/**
 * The quota is counted again a moment after a pod is gone. The set tries again after 5 ms, 10, 20 …: by then it may be
 * ten seconds (client-go, DefaultTypedControllerRateLimiter).
 */
const afterMs = 12_000
/** The API server's own default of terminationGracePeriodSeconds. */
const graceByDefault = 30

/**
 * Whether pods may leave that hold room.
 *
 * @param set - that of the newest revision
 */
export function mayMakeRoom({ object, nowMs }: Live, set: K8sObject | undefined): boolean {
  const count = (field: string) => numberAt(object, 'status', field) ?? 0
  const old = count('replicas') - count('updatedReplicas')
  const dying = count('terminatingReplicas')
  if (dying > 0) return true
  if (old > 0) {
    const wanted = numberAt(object, 'spec', 'replicas') ?? 1
    const fresh = numberAt(set, 'status', 'replicas') ?? 0
    const freshAvailable = numberAt(set, 'status', 'availableReplicas') ?? 0
    const oldAvailable = count('availableReplicas') - freshAvailable
    const isSpare = count('availableReplicas') > wanted - unavailableOf(object, wanted)
    // An old pod goes where it is broken, where it can be spared, or once a new one serves in its place.
    return isSpare || oldAvailable < old || fresh > freshAvailable || (old < wanted && justMoved(object, set, nowMs))
  }
  return !isFirst(object) && justMoved(object, set, nowMs)
}

function isFirst(deployment: K8sObject): boolean {
  return (deployment.metadata.annotations?.['deployment.kubernetes.io/revision'] ?? '1') === '1'
}

/** Whether the last pod left so short a time ago that the quota may not know yet. */
function justMoved(deployment: K8sObject, set: K8sObject | undefined, nowMs: number): boolean {
  // Where the status counts pods that are on their way out, nobody has to wait for the longest time they may take.
  const isCounted = numberAt(deployment, 'status', 'terminatingReplicas') !== undefined
  const grace = numberAt(deployment, 'spec', 'template', 'spec', 'terminationGracePeriodSeconds') ?? graceByDefault
  const moved = Math.max(
    timeMs(conditions(deployment).get('Progressing')?.since),
    timeMs(set?.metadata.creationTimestamp),
  )
  return nowMs < moved + (isCounted ? 0 : grace * 1_000) + afterMs
}

/** How many pods may be missing while it rolls; rounded down, and 1 where both bounds would be 0, as its controller does. */
function unavailableOf(deployment: K8sObject, wanted: number): number {
  if (at(deployment, 'spec', 'strategy', 'type') === 'Recreate') return wanted
  const rolling = at(deployment, 'spec', 'strategy', 'rollingUpdate')
  const share = (field: string, round: (value: number) => number) => {
    const given = at(rolling, field)
    if (typeof given === 'number') return given
    return round((wanted * Number.parseFloat(typeof given === 'string' ? given : '25%')) / 100)
  }
  const down = share('maxUnavailable', Math.floor)
  return down === 0 && share('maxSurge', Math.ceil) === 0 ? 1 : down
}
