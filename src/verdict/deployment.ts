/**
 * A Deployment is as asked when all its pods are those of the newest ReplicaSet, available, and no old one is left. An
 * old ReplicaSet that still serves is never taken for success.
 *
 * @module
 */
import type { K8sObject } from '../release/object.ts'
import { at, byWhom, conditions, isObserved, isOwnedBy, numberAt } from './at.ts'
import { deadlineOf, isLate } from './deadline.ts'
import { areWell, podsOf, readyCount, worstTrouble } from './pod-trouble.ts'
import { flapping, tooYoung } from './readiness.ts'
import { refusedPods } from './refused.ts'
import { mayMakeRoom } from './room.ts'
import type { Live, Status } from './status.ts'
import type { Trouble } from './trouble.ts'

const revision = 'deployment.kubernetes.io/revision'

/** Judges a Deployment; `related` holds ReplicaSets and Pods. */
export function deploymentStatus(live: Live): Status {
  const { object } = live
  const wanted = numberAt(object, 'spec', 'replicas') ?? 1
  const set = newestSet(object, live.related)
  const pods = set === undefined ? [] : podsOf(set, live.related)
  const counts = wanted === 0 ? unscaled(object) : `${countOf(set, pods, wanted)} of ${wanted} new pods are ready`
  const isSeen = isObserved(object)
  if (isSeen && isComplete({ deployment: object, set, pods, wanted }))
    return { word: 'current', says: wanted === 0 ? 'it is scaled to 0, as asked' : counts }
  if (at(object, 'spec', 'paused') === true) return paused(object, counts)
  if (!isSeen) return unseen
  const trouble = troubleOf(live, set)
  if (trouble?.word === 'failed' || isLate(live, set)) return ended(counts, trouble, object)
  return waiting({ counts, trouble, object, set })
}

const unseen: Status = { word: 'waiting', says: 'the controller has not looked at it yet' }

/** The ReplicaSet of the newest revision. Once the generation is observed, the annotation of both is that of the template. */
export function newestSet(deployment: K8sObject, related: readonly K8sObject[]): K8sObject | undefined {
  const newest = deployment.metadata.annotations?.[revision]
  return related.find(
    (one) =>
      one.kind === 'ReplicaSet' &&
      isOwnedBy(one, deployment) &&
      newest !== undefined &&
      one.metadata.annotations?.[revision] === newest,
  )
}

function unscaled(object: K8sObject): string {
  return `it should be scaled to 0, and ${numberAt(object, 'status', 'replicas') ?? 0} of its pods are left`
}

function countOf(set: K8sObject | undefined, pods: readonly K8sObject[], wanted: number): number {
  const counted = numberAt(set, 'status', 'readyReplicas') ?? 0
  return Math.min(areWell(pods) ? counted : readyCount(pods), wanted)
}

type Rollout = {
  readonly deployment: K8sObject
  readonly set: K8sObject | undefined
  readonly pods: readonly K8sObject[]
  readonly wanted: number
}

function isComplete({ deployment, set, pods, wanted }: Rollout): boolean {
  const count = (field: string) => numberAt(deployment, 'status', field) ?? 0
  if (count('replicas') !== wanted || count('updatedReplicas') !== wanted || count('availableReplicas') < wanted)
    return false
  if (wanted === 0) return true
  // The set and its pods are counted as well: the Deployment's own status may lag behind a pod that just died.
  if (set === undefined || (numberAt(set, 'status', 'availableReplicas') ?? 0) < wanted) return false
  return areWell(pods)
}

function paused(object: K8sObject, counts: string): Status {
  const { name, namespace = 'default' } = object.metadata
  const since = conditions(object).get('Progressing')
  const at = since?.reason === 'DeploymentPaused' ? since.since : undefined
  const who = byWhom(object, 'f:spec', 'f:paused')
  return {
    word: 'waiting',
    says: `${counts}; its rollout is paused${who === undefined ? '' : ` by ${who}`}${at === undefined ? '' : ` since ${at}`}, and neither fails nor goes on until somebody resumes it`,
    code: 'PAUSED',
    hint: `Whoever paused it can let it go on: kubectl rollout resume deployment/${name} -n ${namespace}.`,
    evidence: [
      { object: `Deployment ${namespace}/${name}`, says: 'spec.paused is true', ...(at === undefined ? {} : { at }) },
    ],
  }
}

function troubleOf(live: Live, set: K8sObject | undefined): Trouble | undefined {
  const { object, related } = live
  const pods = set === undefined ? [] : podsOf(set, related)
  const trouble = worstTrouble(pods, live)
  if (trouble?.word === 'failed') return trouble
  // That of the set, where it is known: the Deployment repeats those of old sets as well.
  const refused = conditions(set ?? object).get('ReplicaFailure')
  if (refused?.status !== 'True' || refused.reason === 'FailedDelete') return trouble ?? flapping(pods, live)
  const roomMayCome = (isRead: boolean) => mayMakeRoom(live, set, isRead)
  return refusedPods(set ?? object, { message: refused.message, at: refused.since, roomMayCome }, live)
}

function ended(counts: string, trouble: Trouble | undefined, object: K8sObject): Status {
  const after = `${counts} after ${deadlineOf(object)} s (progressDeadlineSeconds)`
  if (trouble === undefined)
    return {
      word: 'failed',
      says: after,
      code: 'READINESS',
      hint: `Look at its pods: kubectl describe pods -n ${object.metadata.namespace ?? 'default'}.`,
    }
  return { ...trouble, word: 'failed', says: `${trouble.word === 'failed' ? counts : after}; ${trouble.says}` }
}

type Waiting = {
  readonly counts: string
  readonly trouble: Trouble | undefined
  readonly object: K8sObject
  readonly set: K8sObject | undefined
}

function waiting({ counts, trouble, object, set }: Waiting): Status {
  if (trouble !== undefined) return { ...trouble, word: 'waiting', says: `${counts}; ${trouble.says}` }
  const young = tooYoung(object, set)
  if (young !== undefined) return { ...young, says: `${counts}; ${young.says}` }
  const old = (numberAt(object, 'status', 'replicas') ?? 0) - (numberAt(object, 'status', 'updatedReplicas') ?? 0)
  if (old <= 0) return { word: 'waiting', says: counts }
  return { word: 'waiting', says: `${counts}; ${old} old ${old === 1 ? 'pod still runs' : 'pods still run'}` }
}
