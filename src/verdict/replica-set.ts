/**
 * A ReplicaSet on its own: as many available pods as asked for.
 *
 * @module
 */
import { conditions, isObserved, numberAt } from './at.ts'
import { podsOf, worstTrouble } from './pod-trouble.ts'
import { refusedPods } from './refused.ts'
import type { Live, Status } from './status.ts'

/** Judges a ReplicaSet; `related` holds Pods. */
export function replicaSetStatus({ object, related, events }: Live): Status {
  if (!isObserved(object)) return { word: 'waiting', says: 'the controller has not looked at it yet' }
  const wanted = numberAt(object, 'spec', 'replicas') ?? 1
  const available = numberAt(object, 'status', 'availableReplicas') ?? 0
  const says = `${available} of ${wanted} pods are ready`
  if (available >= wanted && (numberAt(object, 'status', 'replicas') ?? 0) === wanted) return { word: 'current', says }
  const refused = conditions(object).get('ReplicaFailure')
  const trouble =
    refused?.status === 'True'
      ? refusedPods(object, refused.message, false)
      : worstTrouble(podsOf(object, related), events)
  if (trouble === undefined) return { word: 'waiting', says }
  return { ...trouble, says: `${says}; ${trouble.says}` }
}
