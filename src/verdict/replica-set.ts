/**
 * A ReplicaSet or a ReplicationController on its own: as many available pods as asked for.
 *
 * @module
 */
import { conditions, isObserved, numberAt } from './at.ts'
import { podsOf, worstTrouble } from './pod-trouble.ts'
import { flapping } from './readiness.ts'
import { refusedPods } from './refused.ts'
import type { Live, Status } from './status.ts'

/** Judges a ReplicaSet or ReplicationController; `related` holds Pods. */
export function replicaSetStatus(live: Live): Status {
  const { object, related } = live
  if (!isObserved(object)) return { word: 'waiting', says: 'the controller has not looked at it yet' }
  const wanted = numberAt(object, 'spec', 'replicas') ?? 1
  const available = numberAt(object, 'status', 'availableReplicas') ?? 0
  const says = `${Math.min(available, wanted)} of ${wanted} pods are ready`
  if (available >= wanted && (numberAt(object, 'status', 'replicas') ?? 0) === wanted)
    return { word: 'current', says: wanted === 0 ? 'it is scaled to 0, as asked' : says }
  const refused = conditions(object).get('ReplicaFailure')
  const pods = podsOf(object, related)
  const trouble =
    refused?.status === 'True' && refused.reason !== 'FailedDelete'
      ? refusedPods(object, { message: refused.message, at: refused.since, roomMayCome: () => false }, live)
      : (worstTrouble(pods, live) ?? flapping(pods, live))
  if (trouble === undefined) return { word: 'waiting', says }
  return { ...trouble, says: `${says}; ${trouble.says}` }
}
