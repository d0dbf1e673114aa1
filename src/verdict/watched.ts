/**
 * What has to be seen of an object to judge it: itself, what its controller makes now, and whose events tell more. Asks
 * for nothing that grows with other people's objects, with old ReplicaSets or with history.
 *
 * @module
 */
import type { Selection } from '../ports.ts'
import { type K8sObject, objectId } from '../release/object.ts'
import { at, conditions, isOwnedBy, listAt, numberAt, textAt } from './at.ts'
import { newestSet } from './deployment.ts'
import type { Status } from './status.ts'

const judged = new Set([
  'apps/Deployment',
  'apps/StatefulSet',
  'apps/DaemonSet',
  'apps/ReplicaSet',
  'batch/Job',
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
 * What an object's controller makes, as selections that ask for nothing else. Of a Deployment first the sets that have
 * pods, and once the newest of them is known its pods alone.
 *
 * @param live - the object on the cluster: its selector may have been set there
 * @param known - what is seen of it so far
 */
export function relatedOf(live: K8sObject, known: readonly K8sObject[]): readonly Selection[] {
  const labels = selector(live)
  if (labels === undefined) return []
  const { namespace = '' } = live.metadata
  const podsWith = (...more: readonly string[]): Selection => ({
    resource: pods,
    namespace,
    labels: [labels, ...more].join(','),
  })
  switch (live.kind) {
    case 'Deployment': {
      const newest = newestSet(live, known)?.metadata.labels?.[hash]
      const some: Selection = { resource: sets, namespace, labels, fields: 'status.replicas!=0' }
      return newest === undefined ? [some] : [some, podsWith(`${hash}=${newest}`)]
    }
    case 'DaemonSet': {
      const newest = live.metadata.annotations?.[templateGeneration]
      return [newest === undefined ? podsWith() : podsWith(`pod-template-generation=${newest}`)]
    }
    default:
      return [podsWith()]
  }
}

function selector(object: K8sObject): string | undefined {
  if (!/^(?:apps|batch)$/.test(objectId(object).group)) return undefined
  const equal = Object.entries((at(object, 'spec', 'selector', 'matchLabels') as object | undefined) ?? {})
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
  const slow = open.filter((one) => !isTroubled(one))
  return [
    ...own(object, related),
    ...sure.slice(0, most.sure).map((one) => ({ object: one, sure: true })),
    ...slow.slice(0, most.slow).map((one) => ({ object: one, sure: false })),
  ]
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
export function isTroubled(pod: K8sObject): boolean {
  const states = [...listAt(pod, 'status', 'initContainerStatuses'), ...listAt(pod, 'status', 'containerStatuses')]
  return states.some((one) => {
    const waits = textAt(one, 'state', 'waiting', 'reason') ?? ''
    return (numberAt(one, 'restartCount') ?? 0) > 0 || !/^(?:|ContainerCreating|PodInitializing)$/.test(waits)
  })
}
