/**
 * A StatefulSet is as asked when every pod that its strategy may replace is of the update revision and ready. An ordered
 * one does not replace a pod that was never ready: only deleting that pod helps, and that is said.
 *
 * @module
 */
import type { K8sObject } from '../release/object.ts'
import { isObserved, listAt, numberAt, textAt } from './at.ts'
import { podsOf, podTrouble, type Trouble, worstTrouble } from './pod-trouble.ts'
import { failedCreate, refusedPods } from './refused.ts'
import type { Live, Status } from './status.ts'

/** Judges a StatefulSet; `related` holds Pods. */
export function statefulSetStatus(live: Live): Status {
  const { object, related, events } = live
  if (!isObserved(object)) return { word: 'waiting', says: 'the controller has not looked at it yet' }
  const wanted = numberAt(object, 'spec', 'replicas') ?? 1
  const partition = numberAt(object, 'spec', 'updateStrategy', 'rollingUpdate', 'partition') ?? 0
  const toUpdate = Math.max(0, wanted - partition)
  const pods = podsOf(object, related)
  const fresh = pods.filter((pod) => isFresh(pod, object))
  const onDelete = textAt(object, 'spec', 'updateStrategy', 'type') === 'OnDelete'
  if (onDelete) return whenDeleted(wanted, fresh.length)
  const ready = numberAt(object, 'status', 'readyReplicas') ?? 0
  const updated = numberAt(object, 'status', 'updatedReplicas') ?? 0
  const isDone =
    updated >= toUpdate &&
    ready >= wanted &&
    (numberAt(object, 'status', 'availableReplicas') ?? ready) >= wanted &&
    (numberAt(object, 'status', 'replicas') ?? 0) === wanted
  const counts = `${readyCount(fresh)} of ${toUpdate} new pods are ready`
  if (isDone) return { word: 'current', says: wanted === 0 ? 'it is scaled to 0, as asked' : counts }
  const trouble = worstTrouble(fresh, events) ?? refusal(object, events) ?? stuck(object, pods, events)
  if (trouble === undefined) return { word: 'waiting', says: counts }
  return { ...trouble, says: `${counts}; ${trouble.says}` }
}

function isFresh(pod: K8sObject, set: K8sObject): boolean {
  return pod.metadata.labels?.['controller-revision-hash'] === textAt(set, 'status', 'updateRevision')
}

function readyCount(pods: readonly K8sObject[]): number {
  return pods.filter((pod) =>
    listAt(pod, 'status', 'conditions').some(
      (one) => textAt(one, 'type') === 'Ready' && textAt(one, 'status') === 'True',
    ),
  ).length
}

function whenDeleted(wanted: number, fresh: number): Status {
  const old = wanted - fresh
  const says =
    old > 0
      ? `the template is stored; ${old} old pods run until somebody deletes them (OnDelete)`
      : `${fresh} of ${wanted} new pods run`
  return { word: 'current', says }
}

function refusal(set: K8sObject, events: readonly K8sObject[]): Trouble | undefined {
  const message = failedCreate(set, events)
  return message === undefined ? undefined : refusedPods(set, message, false)
}

/** An old pod that cannot become ready, in front of the new ones. */
function stuck(set: K8sObject, pods: readonly K8sObject[], events: readonly K8sObject[]): Trouble | undefined {
  if (textAt(set, 'spec', 'podManagementPolicy') === 'Parallel') return undefined
  for (const pod of pods) {
    if (isFresh(pod, set)) continue
    const trouble = podTrouble(pod, events)
    if (trouble?.word !== 'failed') continue
    const { name, namespace = 'default' } = pod.metadata
    return {
      word: 'failed',
      code: 'STATEFULSET_STUCK',
      says: `the old pod ${name} is in the way and is never replaced, because it was never ready: ${trouble.says}`,
      hint: `Delete it: kubectl delete pod ${name} -n ${namespace}. The set then makes the new one.`,
      evidence: trouble.evidence,
    }
  }
  return undefined
}
