/**
 * A StatefulSet is as asked when every pod that its strategy may replace is of the update revision and ready. An ordered
 * one does not replace a pod that was never ready: only deleting that pod helps, and that is said.
 *
 * @module
 */
import type { K8sObject } from '../release/object.ts'
import { isObserved, isOwnedBy, numberAt, textAt } from './at.ts'
import { areWell, isOver, isReady, podsOf, podTrouble, readyCount, worstTrouble } from './pod-trouble.ts'
import { flapping, tooYoung } from './readiness.ts'
import { failedCreate } from './refused.ts'
import type { Live, Status } from './status.ts'
import { evidence, type Trouble } from './trouble.ts'

/** Judges a StatefulSet; `related` holds Pods. */
export function statefulSetStatus(live: Live): Status {
  const { object, related } = live
  if (!isObserved(object)) return { word: 'waiting', says: 'the controller has not looked at it yet' }
  const wanted = numberAt(object, 'spec', 'replicas') ?? 1
  const pods = podsOf(object, related)
  const fresh = pods.filter((pod) => isFresh(pod, object))
  const onDelete = textAt(object, 'spec', 'updateStrategy', 'type') === 'OnDelete'
  const counts = `${readyCount(fresh)} of ${toUpdate(object, wanted)} new pods are ready`
  const done = onDelete ? whenDeleted(object, fresh) : isDone({ set: object, pods, wanted })
  if (done) return { word: 'current', says: asAsked(object, wanted, fresh.length) ?? counts }
  const trouble =
    worstTrouble(fresh, live) ??
    failedCreate(object, pods, live) ??
    stuck(object, pods, live) ??
    leaving(object, related) ??
    flapping(fresh, live) ??
    tooYoung(object, object)
  if (trouble === undefined) return { word: 'waiting', says: counts }
  return { ...trouble, says: `${counts}; ${trouble.says}` }
}

function isFresh(pod: K8sObject, set: K8sObject): boolean {
  return pod.metadata.labels?.['controller-revision-hash'] === textAt(set, 'status', 'updateRevision')
}

function partitionOf(set: K8sObject): number {
  return numberAt(set, 'spec', 'updateStrategy', 'rollingUpdate', 'partition') ?? 0
}

/** Pods below the partition stay as they are: that is what was asked for. */
function toUpdate(set: K8sObject, wanted: number): number {
  return Math.max(0, wanted - partitionOf(set))
}

type Given = {
  readonly set: K8sObject
  readonly pods: readonly K8sObject[]
  readonly wanted: number
}

function isDone({ set, pods, wanted }: Given): boolean {
  const count = (field: string) => numberAt(set, 'status', field) ?? 0
  const ready = count('readyReplicas')
  const isCounted =
    count('updatedReplicas') >= toUpdate(set, wanted) &&
    ready >= wanted &&
    (numberAt(set, 'status', 'availableReplicas') ?? ready) >= wanted &&
    count('replicas') === wanted
  // The pods are counted as well: the status may lag behind one that just died.
  return isCounted && areWell(pods)
}

/** Old pods stay until their owner deletes them; there must be one of each, and the new ones must be well. */
function whenDeleted(set: K8sObject, fresh: readonly K8sObject[]): boolean {
  const wanted = numberAt(set, 'spec', 'replicas') ?? 1
  return numberAt(set, 'status', 'replicas') === wanted && areWell(fresh)
}

function asAsked(set: K8sObject, wanted: number, fresh: number): string | undefined {
  if (wanted === 0) return 'it is scaled to 0, as asked'
  const isOnDelete = textAt(set, 'spec', 'updateStrategy', 'type') === 'OnDelete'
  if (isOnDelete && fresh < wanted)
    return `the template is stored; ${wanted - fresh} old pods run until somebody deletes them (OnDelete)`
  const partition = partitionOf(set)
  if (isOnDelete || partition === 0) return undefined
  return `${fresh} of ${toUpdate(set, wanted)} new pods are ready; the others stay old, as its partition ${partition} says`
}

/** An old pod that is not ready, in front of the new ones: an ordered set waits for it before it replaces any. */
function stuck(set: K8sObject, pods: readonly K8sObject[], live: Live): Trouble | undefined {
  if (textAt(set, 'spec', 'podManagementPolicy') === 'Parallel') return undefined
  const old = pods.filter((pod) => !isFresh(pod, set) && !isReady(pod) && !isOver(pod))
  const found = old.flatMap((pod): readonly Trouble[] => {
    const trouble = podTrouble(pod, live)
    if (trouble === undefined) return []
    const { name, namespace = 'default' } = pod.metadata
    const why =
      trouble.word === 'failed'
        ? 'is in the way and is never replaced, because it was never ready'
        : 'is in the way: it is not ready, and an ordered set waits for it before it replaces any'
    return [
      {
        ...trouble,
        code: 'STATEFULSET_STUCK',
        says: `the old pod ${name} ${why}: ${trouble.says}`,
        hint: `Delete it: kubectl delete pod ${name} -n ${namespace}. The set then makes the new one.`,
      },
    ]
  })
  return found.find(({ word }) => word === 'failed') ?? found[0]
}

/** A pod on its way out, whose name the new one needs. */
function leaving(set: K8sObject, related: readonly K8sObject[]): Trouble | undefined {
  const pod = related.find(
    (one) => one.kind === 'Pod' && isOwnedBy(one, set) && one.metadata.deletionTimestamp !== undefined,
  )
  if (pod === undefined) return undefined
  const { name, deletionTimestamp = '' } = pod.metadata
  const node = textAt(pod, 'spec', 'nodeName')
  return {
    word: 'waiting',
    code: 'TERMINATING',
    says: `the pod ${name} is still leaving${node === undefined ? '' : ` (on ${node})`}, and the new one needs its name`,
    hint: 'If it does not go, look at its node and at its finalizers.',
    evidence: [evidence(pod, `deletionTimestamp ${deletionTimestamp}`, deletionTimestamp)],
  }
}
