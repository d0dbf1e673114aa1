/**
 * What has to be seen of an object to judge it: itself, what its controller makes now, and whose events tell more. Asks
 * for nothing that grows with other people's objects, with old ReplicaSets or with history.
 *
 * @module
 */
import type { Selection } from '../ports.ts'
import { type K8sObject, objectId } from '../release/object.ts'
import { at, conditions, isObserved, isOwnedBy, listAt, numberAt, textAt } from './at.ts'
import { newestSet } from './deployment.ts'
import type { Status } from './status.ts'

const judged = new Set([
  'apps/Deployment',
  'apps/StatefulSet',
  'apps/DaemonSet',
  'apps/ReplicaSet',
  'batch/Job',
  '/ReplicationController',
  '/Pod',
  '/PersistentVolumeClaim',
  'apiextensions.k8s.io/CustomResourceDefinition',
  'apiregistration.k8s.io/APIService',
])
const kubernetes =
  /^(?:|apps|batch|autoscaling|policy|(?:networking|rbac\.authorization|storage|admissionregistration|coordination|discovery|scheduling|node|certificates|flowcontrol\.apiserver|resource|events|authentication|authorization)\.k8s\.io)$/

/** Whether an object can be anything but there. The rest exists once the API server has taken it, and is not watched. */
export function isJudged(object: K8sObject, hasStatus: boolean): boolean {
  const { group } = objectId(object)
  if (judged.has(`${group}/${object.kind}`)) return true
  if (group === '' && object.kind === 'Service') return textAt(object, 'spec', 'type') === 'LoadBalancer'
  return !kubernetes.test(group) && hasStatus
}

const pods = { group: '', version: 'v1', plural: 'pods', namespaced: true } as const
const sets = { group: 'apps', version: 'v1', plural: 'replicasets', namespaced: true } as const
const hash = 'pod-template-hash'
const templateGeneration = 'deprecated.daemonset.template.generation'

/**
 * What an object's controller makes, as selections that ask for nothing else.
 *
 * @param live - the object on the cluster: its selector may have been set there
 * @param seen - what is seen of it so far, and what has been read for that
 */
export function relatedOf(live: K8sObject, seen: SoFar): readonly Selection[] {
  const labels = selector(live)
  if (labels === undefined) return []
  const { namespace = '' } = live.metadata
  if (live.kind === 'Deployment') return ofDeployment(live, seen, labels)
  const newest = live.kind === 'DaemonSet' ? live.metadata.annotations?.[templateGeneration] : undefined
  const mine = newest === undefined ? labels : `${labels},pod-template-generation=${newest}`
  return [{ resource: pods, namespace, labels: mine }]
}

export type SoFar = {
  readonly known: readonly K8sObject[]
  readonly isRead: (selection: Selection) => boolean
}

/**
 * The newest set by its name, and once it is known its pods alone. The name stands in the Deployment's own conditions;
 * where they name another set (the controller leaves them behind now and then), or none, all sets are looked at once.
 */
function ofDeployment(live: K8sObject, { known, isRead }: SoFar, labels: string): readonly Selection[] {
  if (!isObserved(live) || numberAt(live, 'spec', 'replicas') === 0) return []
  const { namespace = '' } = live.metadata
  const named = (name: string): Selection => ({ resource: sets, namespace, fields: `metadata.name=${name}` })
  const newest = newestSet(live, known)
  if (newest !== undefined) {
    const mine = newest.metadata.labels?.[hash]
    const own = mine === undefined ? labels : `${labels},${hash}=${mine}`
    return [named(newest.metadata.name), { resource: pods, namespace, labels: own }]
  }
  const told = /"([^"]+)"/.exec(conditions(live).get('Progressing')?.message ?? '')?.[1]
  const all: Selection = { resource: sets, namespace, labels }
  return [told === undefined || isRead(named(told)) || isRead(all) ? all : named(told)]
}

function selector(object: K8sObject): string | undefined {
  // The oldest of them has plain labels for a selector.
  const isOldest = object.kind === 'ReplicationController'
  if (!isOldest && !/^(?:apps|batch)$/.test(objectId(object).group)) return undefined
  const labels = at(object, 'spec', 'selector', ...(isOldest ? [] : ['matchLabels']))
  const equal = Object.entries((labels as object | undefined) ?? {})
  const rest = listAt(object, 'spec', 'selector', 'matchExpressions').map(expression)
  const parts = [...equal.map(([key, value]) => `${key}=${String(value)}`), ...rest]
  return parts.length === 0 ? undefined : parts.join(',')
}

function expression(one: unknown): string {
  const key = textAt(one, 'key') ?? ''
  const values = listAt(one, 'values').map(String).join(',')
  const operator = textAt(one, 'operator')
  if (operator === 'In') return `${key} in (${values})`
  if (operator === 'NotIn') return `${key} notin (${values})`
  return operator === 'DoesNotExist' ? `!${key}` : key
}

/** Events that may explain why this object waits. */
export function eventsOf({ metadata }: K8sObject): Selection {
  return {
    resource: { group: '', version: 'v1', plural: 'events', namespaced: true },
    namespace: metadata.namespace ?? 'default',
    fields: `involvedObject.uid=${metadata.uid ?? ''}`,
  }
}

/** Somebody whose events are wanted. `sure`: at once; else only where it still waits a little later. */
export type Suspect = { readonly object: K8sObject; readonly sure: boolean }

/** Pods of one object whose events are looked at: those with a bad sign, and those that merely take their time. */
const most = { sure: 4, slow: 2 }

/** Whose events to look at while `object` is not as asked: its own where they tell something, and those of its open pods. */
export function suspects(object: K8sObject, status: Status, related: readonly K8sObject[]): readonly Suspect[] {
  if (status.word === 'current') return []
  const open = related.filter(
    (one) => one.kind === 'Pod' && !isReady(one) && one.metadata.deletionTimestamp === undefined,
  )
  const sure = open.filter(isTroubled)
  const slow = [...open.filter((one) => !isTroubled(one)), ...young(object, related)]
  return [
    ...own(object, related),
    ...sure.slice(0, most.sure).map((one) => ({ object: one, sure: true })),
    ...slow.slice(0, most.slow).map((one) => ({ object: one, sure: false })),
  ]
}

/** Pods that are ready, and whose owner does not count them yet: a probe may have said why a moment ago. */
function young(object: K8sObject, related: readonly K8sObject[]): readonly K8sObject[] {
  if ((numberAt(object, 'spec', 'minReadySeconds') ?? 0) === 0) return []
  return related.filter((one) => one.kind === 'Pod' && isReady(one) && one.metadata.deletionTimestamp === undefined)
}

/** A Deployment's own events tell nothing that its conditions do not; those of a pod on its own tell all. */
function own(object: K8sObject, related: readonly K8sObject[]): readonly Suspect[] {
  switch (object.kind) {
    case 'PersistentVolumeClaim':
    case 'Service':
      return [{ object, sure: true }]
    case 'Pod':
      return [{ object, sure: isTroubled(object) }]
    case 'StatefulSet':
    case 'DaemonSet':
    case 'ReplicaSet':
    case 'ReplicationController':
    case 'Job':
      // Pods that are never made are told of by their owner.
      return [{ object, sure: related.every((one) => one.kind !== 'Pod' || !isOwnedBy(one, object)) }]
    default:
      return []
  }
}

function isReady(pod: K8sObject): boolean {
  return conditions(pod).get('Ready')?.status === 'True'
}

/** Whether a pod shows a bad sign: a container that died, or waits for something else than its turn. */
function isTroubled(pod: K8sObject): boolean {
  const states = [...listAt(pod, 'status', 'initContainerStatuses'), ...listAt(pod, 'status', 'containerStatuses')]
  return states.some((one) => {
    const waits = textAt(one, 'state', 'waiting', 'reason') ?? ''
    return (numberAt(one, 'restartCount') ?? 0) > 0 || !/^(?:|ContainerCreating|PodInitializing)$/.test(waits)
  })
}
