/**
 * Whether a full quota may still empty: old pods of the same Deployment hold room until they are gone, and its own rules
 * say which of them may go.
 *
 * @module
 */
import type { K8sObject } from '../release/object.ts'
import { at, conditions, listAt, numberAt, textAt } from './at.ts'
import { timeMs } from './events.ts'
import { countedMs } from './quota.ts'
import type { Live } from './status.ts'

/**
 * The longest that the set's controller waits before it tries again (client-go, DefaultTypedControllerRateLimiter: 5 ms,
 * twice as long after each failure, 1000 s at most). Where it is by now nobody can tell from the set: each pod that
 * changes, and each change of the set itself, is one more try, so that a second may hold twenty.
 */
const againMs = 1_000_000
/** The API server's own default of terminationGracePeriodSeconds. */
const graceByDefault = 30

/**
 * Whether pods may leave that hold room, or have left it so short a time ago that the quota may not know yet: 12 s after
 * the last of them is the longest that a rollout waits in vain. Where the quota may not be read nobody can see that it has
 * room again: then the end comes when it must have been tried again, 1000 s later. The Deployment's own deadline (600 s,
 * if nothing else is asked for) mostly ends that before.
 *
 * @param set - that of the newest revision
 * @param isRead - whether the quota is known
 */
export function mayMakeRoom(live: Live, set: K8sObject | undefined, isRead: boolean): boolean {
  const { object } = live
  const count = (field: string) => numberAt(object, 'status', field) ?? 0
  const old = count('replicas') - count('updatedReplicas')
  const dying = count('terminatingReplicas')
  const hasLeft = () => live.nowMs < leftMs(object, set) + countedMs + (isRead ? 0 : againMs)
  if (dying > 0) return true
  if (old > 0) {
    const wanted = numberAt(object, 'spec', 'replicas') ?? 1
    const fresh = numberAt(set, 'status', 'replicas') ?? 0
    const freshAvailable = numberAt(set, 'status', 'availableReplicas') ?? 0
    const oldAvailable = count('availableReplicas') - freshAvailable
    const isSpare = count('availableReplicas') > wanted - unavailableOf(object, wanted)
    // An old pod goes where it is broken, where it can be spared, or once a new one serves in its place.
    return isSpare || oldAvailable < old || fresh > freshAvailable || (old < wanted && hasLeft())
  }
  return !isFirst(object) && hasLeft()
}

function isFirst(deployment: K8sObject): boolean {
  return (deployment.metadata.annotations?.['deployment.kubernetes.io/revision'] ?? '1') === '1'
}

/** When the last pod was gone, at the latest. */
function leftMs(deployment: K8sObject, set: K8sObject | undefined): number {
  // Where the status counts pods that are on their way out, nobody has to wait for the longest time they may take.
  const isCounted = numberAt(deployment, 'status', 'terminatingReplicas') !== undefined
  const grace = numberAt(deployment, 'spec', 'template', 'spec', 'terminationGracePeriodSeconds') ?? graceByDefault
  const moved = Math.max(
    timeMs(conditions(deployment).get('Progressing')?.since),
    timeMs(set?.metadata.creationTimestamp),
    writtenMs(deployment),
  )
  return moved + (isCounted ? 0 : grace * 1_000)
}

/** When the status was last written: that a pod has gone in the end is progress to nobody, and has no other date. */
function writtenMs({ metadata }: K8sObject): number {
  const times = listAt(metadata, 'managedFields')
    .filter((one) => textAt(one, 'subresource') === 'status')
    .map((one) => timeMs(textAt(one, 'time')))
  return Math.max(0, ...times)
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
