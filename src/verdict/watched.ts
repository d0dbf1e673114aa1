/**
 * What has to be seen of an object to judge it: itself, what its controller makes, and whose events tell more.
 *
 * @module
 */
import type { Selection } from '../ports.ts'
import { type K8sObject, objectId } from '../release/object.ts'
import { at, listAt, textAt } from './at.ts'
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

/** What an object's controller makes, as selections that ask for nothing else. */
export function relatedOf(object: K8sObject, namespace: string): readonly Selection[] {
  const labels = selector(object)
  if (labels === undefined) return []
  const select = (resource: Selection['resource']): Selection => ({ resource, namespace, labels })
  return object.kind === 'Deployment' ? [select(sets), select(pods)] : [select(pods)]
}

function selector(object: K8sObject): string | undefined {
  if (object.kind === 'Job') return `batch.kubernetes.io/job-name=${object.metadata.name}`
  if (!/^(?:Deployment|StatefulSet|DaemonSet|ReplicaSet)$/.test(object.kind)) return undefined
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
export function eventsOf(uid: string, namespace: string): Selection {
  return {
    resource: { group: '', version: 'v1', plural: 'events', namespaced: true },
    namespace,
    fields: `involvedObject.uid=${uid}`,
  }
}

/** Whose events to look at while `object` waits: its own for claims, services and sets, else those of its youngest open pods. */
export function puzzles(object: K8sObject, status: Status, related: readonly K8sObject[]): readonly K8sObject[] {
  if (status.word !== 'waiting') return []
  const open = related.filter((one) => one.kind === 'Pod' && !isReady(one)).slice(0, 2)
  return /^(?:PersistentVolumeClaim|Service|StatefulSet|DaemonSet)$/.test(object.kind) ? [object, ...open] : open
}

function isReady(pod: K8sObject): boolean {
  return listAt(pod, 'status', 'conditions').some(
    (one) => textAt(one, 'type') === 'Ready' && textAt(one, 'status') === 'True',
  )
}
