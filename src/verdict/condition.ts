/**
 * Everything else, by the standard conditions (kubernetes/community, api-conventions; kstatus). A custom resource with a
 * status subresource and no status has not been looked at by anybody.
 *
 * @module
 */
import { type K8sObject, objectId } from '../release/object.ts'
import { at, type Condition, conditions, numberAt, textAt } from './at.ts'
import { evidence } from './pod-trouble.ts'
import type { Live, Status } from './status.ts'

/** Groups of Kubernetes itself, whose kinds need no operator. */
const own =
  /^(?:|apps|batch|autoscaling|policy|(?:networking|rbac\.authorization|storage|apiregistration|admissionregistration|apiextensions|coordination|discovery|scheduling|node|certificates|flowcontrol\.apiserver|resource|events|authentication|authorization)\.k8s\.io)$/
const good = ['Ready', 'Available', 'Established', 'Succeeded', 'Complete', 'Healthy']
const bad = ['Stalled', 'Failed']

/** Judges an object of any kind. */
export function conditionStatus({ object, hasStatus }: Live): Status {
  const custom = !own.test(objectId(object).group)
  const isEmpty = Object.keys((at(object, 'status') as object | undefined) ?? {}).length === 0
  if (custom && hasStatus && isEmpty)
    return {
      word: 'waiting',
      says: 'no controller has looked at it yet',
      code: 'NO_CONTROLLER',
      hint: `Does the operator of ${object.kind} run on this cluster?`,
    }
  const observed = numberAt(object, 'status', 'observedGeneration')
  if (observed !== undefined && observed < (object.metadata.generation ?? 0)) return stale(object)
  if (object.kind === 'Namespace' && textAt(object, 'status', 'phase') === 'Terminating')
    return {
      word: 'waiting',
      says: 'it is being deleted',
      code: 'TERMINATING',
      hint: 'Wait until it is gone; then deploy again.',
    }
  if (!custom && object.kind !== 'CustomResourceDefinition' && object.kind !== 'APIService')
    return { word: 'current', says: 'it is there' }
  return byConditions(object)
}

function stale(object: K8sObject): Status {
  return {
    word: 'waiting',
    says: 'its controller has not looked at this version of it yet',
    code: 'STALE_STATUS',
    hint: `Does the operator of ${object.kind} run on this cluster?`,
  }
}

function byConditions(object: K8sObject): Status {
  const known = conditions(object)
  const failed = bad.flatMap((type) => known.get(type) ?? []).find(({ status }) => status === 'True')
  if (failed !== undefined && isFresh(failed, object)) return told(object, failed, 'failed')
  const states = good.flatMap((type) => known.get(type) ?? [])
  if (states.some((one) => !isFresh(one, object))) return stale(object)
  const [open] = states.filter(({ status }) => status !== 'True')
  if (open !== undefined) return told(object, open, 'waiting')
  return {
    word: 'current',
    says: states.length > 0 ? `it is ${states.map(({ type }) => type).join(', ')}` : 'it is there',
  }
}

function isFresh({ observedGeneration }: Condition, object: K8sObject): boolean {
  return observedGeneration === undefined || observedGeneration >= (object.metadata.generation ?? 0)
}

function told(
  object: K8sObject,
  { type, status, reason, message, since }: Condition,
  word: 'failed' | 'waiting',
): Status {
  return {
    word,
    says: `${type} is ${status}: ${[reason, message].filter((one) => one !== '').join(': ')}`,
    code: 'CONDITION',
    hint: `Its operator says so; look at ${object.kind} ${object.metadata.name}.`,
    evidence: [evidence(object, `${type}=${status} ${reason}: ${message}`, since)],
  }
}
