/**
 * A Deployment is as asked when all its pods are those of the newest ReplicaSet, available, and no old one is left. An
 * old ReplicaSet that still serves is never taken for success.
 *
 * @module
 */
import type { K8sObject } from '../release/object.ts'
import { at, conditions, isObserved, isOwnedBy, numberAt } from './at.ts'
import { podsOf, type Trouble, worstTrouble } from './pod-trouble.ts'
import { refusedPods } from './refused.ts'
import type { Live, Status } from './status.ts'

const revision = 'deployment.kubernetes.io/revision'
/** The API server's own default of spec.progressDeadlineSeconds. */
const deadlineDefault = 600

/** Judges a Deployment; `related` holds ReplicaSets and Pods. */
export function deploymentStatus(live: Live): Status {
  const { object } = live
  const wanted = numberAt(object, 'spec', 'replicas') ?? 1
  if (!isObserved(object)) return { word: 'waiting', says: 'the controller has not looked at it yet' }
  const set = newestSet(object, live.related)
  const ready = Math.min(numberAt(set, 'status', 'readyReplicas') ?? 0, wanted)
  const counts = `${ready} of ${wanted} new pods are ready`
  if (isComplete(object, set, wanted))
    return { word: 'current', says: wanted === 0 ? 'it is scaled to 0, as asked' : counts }
  if (at(object, 'spec', 'paused') === true)
    return {
      word: 'waiting',
      says: `${counts}; its rollout is paused`,
      code: 'PAUSED',
      hint: `Somebody paused it: kubectl rollout resume deployment/${object.metadata.name}.`,
    }
  const trouble = troubleOf(live, set)
  const late = isLate(live, set)
  if (trouble?.word === 'failed' || late) return ended(counts, trouble, object)
  return waiting(counts, trouble, object)
}

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

function isComplete(deployment: K8sObject, set: K8sObject | undefined, wanted: number): boolean {
  const count = (field: string) => numberAt(deployment, 'status', field) ?? 0
  if (count('replicas') !== wanted || count('updatedReplicas') !== wanted || count('availableReplicas') < wanted)
    return false
  // The set of pods is counted as well: the Deployment's own status may lag behind a pod that just died.
  if (wanted === 0) return true
  return set !== undefined && (numberAt(set, 'status', 'availableReplicas') ?? 0) >= wanted
}

function troubleOf(live: Live, set: K8sObject | undefined): Trouble | undefined {
  const { object, related, events } = live
  const refused = conditions(object).get('ReplicaFailure')
  const pods = set === undefined ? [] : podsOf(set, related)
  const trouble = worstTrouble(pods, events)
  if (trouble?.word === 'failed' || refused?.status !== 'True') return trouble
  const leaving = (numberAt(object, 'status', 'replicas') ?? 0) > (numberAt(object, 'status', 'updatedReplicas') ?? 0)
  return refusedPods(set ?? object, refused.message, leaving)
}

/** The deadline of the Deployment itself, counted here as well: its controller sometimes never reports it. */
function isLate({ object, related, nowMs, sinceMs }: Live, set: K8sObject | undefined): boolean {
  const progress = conditions(object).get('Progressing')
  const ours = set !== undefined && (progress?.message.includes(`"${set.metadata.name}"`) ?? false)
  if (ours && progress?.status === 'False' && progress.reason === 'ProgressDeadlineExceeded') return true
  const seconds = numberAt(object, 'spec', 'progressDeadlineSeconds') ?? deadlineDefault
  if (seconds >= 2_147_483_647) return false
  const times = [set, ...(set === undefined ? [] : podsOf(set, related))].map((one) => one?.metadata.creationTimestamp)
  const ready = set === undefined ? [] : podsOf(set, related).map((pod) => conditions(pod).get('Ready')?.since)
  const moved = [...times, ...ready, ours ? progress?.since : undefined].map((time) => Date.parse(time ?? '') || 0)
  return nowMs > Math.max(sinceMs, ...moved) + seconds * 1000 + 1_000
}

function ended(counts: string, trouble: Trouble | undefined, object: K8sObject): Status {
  if (trouble === undefined)
    return {
      word: 'failed',
      says: `${counts} after ${numberAt(object, 'spec', 'progressDeadlineSeconds') ?? deadlineDefault} s (progressDeadlineSeconds)`,
      code: 'READINESS',
      hint: `Look at its pods: kubectl describe pods -n ${object.metadata.namespace ?? 'default'}.`,
    }
  return { word: 'failed', ...detail(counts, trouble) }
}

function waiting(counts: string, trouble: Trouble | undefined, object: K8sObject): Status {
  if (trouble !== undefined) return { word: 'waiting', ...detail(counts, trouble) }
  const old = (numberAt(object, 'status', 'replicas') ?? 0) - (numberAt(object, 'status', 'updatedReplicas') ?? 0)
  return { word: 'waiting', says: old > 0 ? `${counts}; ${old} old ones still run` : counts }
}

function detail(counts: string, { code, says, hint, evidence }: Trouble): Omit<Status, 'word'> {
  return { says: `${counts}; ${says}`, code, hint, evidence }
}
