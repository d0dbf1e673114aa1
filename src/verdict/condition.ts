/**
 * Everything else, by the standard conditions (kubernetes/community, api-conventions; kstatus). A custom resource with a
 * status subresource and no status has not been looked at by anybody, and a status of an earlier generation tells nothing
 * about this one.
 *
 * @module
 */
import { type K8sObject, objectId } from '../release/object.ts'
import { at, type Condition, conditions, numberAt, textAt } from './at.ts'
import type { Live, Status } from './status.ts'
import { evidence, short } from './trouble.ts'

/** Groups of Kubernetes itself, whose kinds need no operator. */
const own =
  /^(?:|apps|batch|autoscaling|policy|(?:networking|rbac\.authorization|storage|apiregistration|admissionregistration|apiextensions|coordination|discovery|scheduling|node|certificates|flowcontrol\.apiserver|resource|events|authentication|authorization)\.k8s\.io)$/
/** True is good. The first that is there and not True speaks for the others. */
const good = [
  'Ready',
  'Available',
  'Healthy',
  'Succeeded',
  'Complete',
  'Established',
  'Synced',
  'Programmed',
  'Accepted',
]
/** True is an end: the operator says that it does not try again by itself. */
const bad = ['Stalled', 'Failed']
/** True means that it is busy, or only half well. */
const busy = ['Reconciling', 'Progressing', 'Degraded']
/** An operator that keeps no generation may not have looked yet; most do within this time. */
const lookMs = 1_000

/** Judges an object of any kind. */
export function conditionStatus({ object, hasStatus }: Live): Status {
  if (own.test(objectId(object).group)) return { word: 'current', says: 'it is there' }
  const isEmpty = Object.keys((at(object, 'status') as object | null | undefined) ?? {}).length === 0
  const found = isEmpty ? (hasStatus ? unseen(object) : there) : byStatus(object)
  return found.word === 'waiting' && isHeld(object) ? held(object, found) : found
}

const there: Status = { word: 'current', says: 'it is there' }

function unseen(object: K8sObject): Status {
  return {
    word: 'waiting',
    says: `no controller has looked at ${object.kind} ${object.metadata.name} yet: it has no status`,
    code: 'NO_CONTROLLER',
    hint: `Does the operator of ${object.kind} run on this cluster, and does it watch this namespace?`,
    evidence: [evidence(object, 'status is empty')],
  }
}

function byStatus(object: K8sObject): Status {
  const observed = numberAt(object, 'status', 'observedGeneration')
  if (observed !== undefined && observed < (object.metadata.generation ?? 0)) return stale(object, observed)
  const known = conditions(object)
  const of = (types: readonly string[]) => types.flatMap((type) => known.get(type) ?? [])
  const failed = of(bad).find((one) => one.status === 'True' && isFresh(one, object))
  if (failed !== undefined) return told(object, failed, 'failed')
  const states = of(good)
  const old = states.find((one) => !isFresh(one, object))
  if (old !== undefined) return stale(object, old.observedGeneration ?? 0)
  const open = states.find(({ status }) => status !== 'True')
  if (open !== undefined) return told(object, open, 'waiting')
  const works = of(busy).find((one) => one.status === 'True' && isFresh(one, object))
  // `Progressing` stays True for ever where the convention of Deployments is followed; there Available says the rest.
  if (works !== undefined && (works.type !== 'Progressing' || states.length === 0))
    return told(object, works, 'waiting')
  return states.length > 0 ? well(object, states, observed) : byPhase(object)
}

function well(object: K8sObject, states: readonly Condition[], observed: number | undefined): Status {
  const isKnown = observed !== undefined || states.some(({ observedGeneration }) => observedGeneration !== undefined)
  const isFirst = (object.metadata.generation ?? 1) <= 1
  const says = `it is ${states.map(({ type }) => type).join(', ')}`
  return { word: 'current', says, ...(isKnown || isFirst ? {} : { steadyMs: lookMs }) }
}

const wellPhases =
  /^(?:running|ready|active|bound|succeeded|completed?|healthy|available|deployed|online|synced|ok|up|normal|established)$/i
const workPhases =
  /^(?:pending|progressing|creating|provisioning|updating|upgrading|installing|reconciling|initiali[sz]ing|scaling|starting|deploying|unknown|waiting|paused|degraded|unhealthy|not ?ready|error|failed|failure)$/i

/** Older operators have one word instead of conditions. */
function byPhase(object: K8sObject): Status {
  const phase = textAt(object, 'status', 'phase') ?? textAt(object, 'status', 'state')
  if (phase === undefined || wellPhases.test(phase) || !workPhases.test(phase))
    return { word: 'current', says: phase === undefined ? 'it is there' : `it is ${phase}` }
  const words = textAt(object, 'status', 'message') ?? textAt(object, 'status', 'reason') ?? ''
  const says = `its operator says ${phase}${words === '' ? '' : `: ${short(words)}`}`
  return {
    word: /^fail/i.test(phase) && numberAt(object, 'status', 'observedGeneration') !== undefined ? 'failed' : 'waiting',
    says,
    code: 'CONDITION',
    hint: lookAt(object),
    evidence: [evidence(object, `status.phase ${phase} ${words}`.trim())],
  }
}

function stale(object: K8sObject, observed: number): Status {
  const generation = object.metadata.generation ?? 0
  return {
    word: 'waiting',
    says: `its controller has not looked at this version of it yet: its status is of generation ${observed}, and it is at generation ${generation}`,
    code: 'STALE_STATUS',
    hint: `Does the operator of ${object.kind} run on this cluster?`,
    evidence: [evidence(object, `observedGeneration ${observed}, generation ${generation}`)],
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
  const words = [reason, short(message)].filter((one) => one !== '').join(': ')
  return {
    word,
    says: `${type} is ${status}${words === '' ? '' : `: ${words}`}`,
    code: 'CONDITION',
    hint: lookAt(object),
    evidence: [evidence(object, `${type}=${status} ${reason}: ${message}`, since)],
  }
}

function lookAt({ kind, metadata }: K8sObject): string {
  const where = metadata.namespace === undefined ? '' : ` -n ${metadata.namespace}`
  return `Its operator says so; look at it: kubectl describe ${kind.toLowerCase()} ${metadata.name}${where}.`
}

/** Many operators can be told to leave one object alone. */
function isHeld(object: K8sObject): boolean {
  return at(object, 'spec', 'suspend') === true || at(object, 'spec', 'paused') === true
}

function held(object: K8sObject, found: Status): Status {
  return {
    ...found,
    says: `it is paused (spec.${at(object, 'spec', 'paused') === true ? 'paused' : 'suspend'}); ${found.says}`,
    code: 'PAUSED',
    hint: 'Whoever paused it has to let it go on.',
  }
}
