/**
 * A DaemonSet is as asked when each node that should run it runs the new pod, available.
 *
 * @module
 */
import type { K8sObject } from '../release/object.ts'
import { isObserved, numberAt, textAt } from './at.ts'
import { podsOf, worstTrouble } from './pod-trouble.ts'
import { failedCreate, refusedPods } from './refused.ts'
import type { Live, Status } from './status.ts'

const templateGeneration = 'deprecated.daemonset.template.generation'

/** Judges a DaemonSet; `related` holds Pods. */
export function daemonSetStatus({ object, related, events }: Live): Status {
  if (!isObserved(object)) return { word: 'waiting', says: 'the controller has not looked at it yet' }
  const count = (field: string) => numberAt(object, 'status', field) ?? 0
  const wanted = count('desiredNumberScheduled')
  const updated = count('updatedNumberScheduled')
  if (textAt(object, 'spec', 'updateStrategy', 'type') === 'OnDelete' && updated < wanted)
    return {
      word: 'current',
      says: `the template is stored; ${wanted - updated} old pods run until somebody deletes them (OnDelete)`,
    }
  const available = count('numberAvailable')
  const counts = `${Math.min(updated, available)} of ${wanted} nodes run the new pod`
  if (updated >= wanted && available >= wanted)
    return { word: 'current', says: wanted === 0 ? 'no node is meant to run it' : counts }
  const message = failedCreate(object, events)
  const trouble =
    worstTrouble(newPods(object, related), events) ??
    (message === undefined ? undefined : refusedPods(object, message, false))
  if (trouble === undefined) return { word: 'waiting', says: counts }
  return { ...trouble, says: `${counts}; ${trouble.says}` }
}

/** Pods carry the generation of the template that made them (apps/v1, still kept for this very purpose). */
function newPods(set: K8sObject, related: readonly K8sObject[]): readonly K8sObject[] {
  const newest = set.metadata.annotations?.[templateGeneration]
  return podsOf(set, related).filter((pod) => {
    const mine = pod.metadata.labels?.['pod-template-generation']
    return newest === undefined || mine === undefined || mine === newest
  })
}
