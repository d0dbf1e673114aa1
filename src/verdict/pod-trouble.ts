/**
 * What is wrong with a pod, in one phrase: from its containers' states, its conditions and its events. Which troubles
 * waiting does not mend follows what the kubelet itself does about them: it retries a pull that timed out, and would
 * retry one of a missing tag for ever.
 *
 * @module
 */
import type { K8sObject } from '../release/object.ts'
import { at, conditions, isOwnedBy, textAt } from './at.ts'
import { logsOf } from './command.ts'
import { containersOf } from './container.ts'
import { containerTrouble } from './container-trouble.ts'
import { type Told, toldOf } from './events.ts'
import { schedulingTrouble, startTrouble } from './node-trouble.ts'
import { evidence, type Scene, short, type Trouble, worst } from './trouble.ts'
import { readinessTrouble } from './readiness.ts'

/** The worst trouble of a pod, or `undefined` where it is ready, done or merely young. */
export function podTrouble(pod: K8sObject, scene: Scene): Trouble | undefined {
  const phase = textAt(pod, 'status', 'phase')
  if (phase === 'Succeeded') return undefined
  if (phase === 'Failed') return failedPod(pod)
  const told = toldOf(pod, scene.events)
  const found = containersOf(pod).flatMap((one) => containerTrouble(one, { pod, told, scene }) ?? [])
  return (
    worst(found) ??
    schedulingTrouble(pod, scene) ??
    startTrouble(pod, told, scene) ??
    readinessTrouble(pod, told) ??
    initializing(pod, told)
  )
}

/** A pod that its node gave up. Its owner makes another one, so it is no end by itself. */
function failedPod(pod: K8sObject): Trouble {
  const reason = textAt(pod, 'status', 'reason') ?? ''
  const message = textAt(pod, 'status', 'message') ?? ''
  const node = textAt(pod, 'spec', 'nodeName')
  const where = node === undefined ? '' : ` on ${node}`
  const proof = [evidence(pod, `phase Failed, ${reason}: ${message}`.replace(/(?:, )?: $/, ''))]
  const words = message === '' ? '' : `: ${short(message)}`
  const { name } = pod.metadata
  if (
    /^(?:OutOf|NodeAffinity|UnexpectedAdmissionError|Topology|AppArmor|SysctlForbidden|PodOSNotSupported)/.test(reason)
  )
    return {
      word: 'waiting',
      code: 'UNSCHEDULABLE',
      says: `the node${where.replace(' on', '')} refuses the pod ${name} (${reason})${words}`,
      hint: 'Look at what the node has and what the pod asks for.',
      evidence: proof,
    }
  if (reason !== '')
    return {
      word: 'waiting',
      code: 'EVICTED',
      says: `the pod ${name} was put out${where} (${reason})${words}`,
      hint: 'Give it requests and limits that fit (also ephemeral-storage), or relieve the node.',
      evidence: proof,
    }
  const [dead] = containersOf(pod).flatMap(
    (one) => containerTrouble(one, { pod, told: [], scene: { events: [] } }) ?? [],
  )
  if (dead !== undefined) return { ...dead, says: dead.says.replace(/; it is started again$/, '') }
  return {
    word: 'waiting',
    code: 'CRASH_LOOP',
    says: `the pod ${name} failed${words}`,
    hint: `Read its last words: ${logsOf(pod)}.`,
    evidence: proof,
  }
}

/** An init container that takes its time, and what comes before it. */
function initializing(pod: K8sObject, told: readonly Told[]): Trouble | undefined {
  if (conditions(pod).get('Initialized')?.status !== 'False') return undefined
  const open = containersOf(pod).find(
    ({ role, status }) =>
      role !== 'container' && at(status, 'state', 'running') !== undefined && at(status, 'started') !== true,
  )
  const running =
    open ??
    containersOf(pod).find(
      ({ role, status }) => role === 'init container' && at(status, 'state', 'running') !== undefined,
    )
  if (running === undefined) return undefined
  const last = told.findLast(({ isWarning }) => isWarning)
  return {
    word: 'waiting',
    code: 'INIT_CONTAINER',
    says: `the ${running.role} ${running.name} of the pod ${pod.metadata.name} still runs, and the application waits for it`,
    hint: `Read what it waits for: ${logsOf(pod, running.name)}.`,
    evidence: [
      evidence(pod, last === undefined ? 'Initialized is False' : `${last.reason}: ${last.message}`, last?.at),
    ],
  }
}

/** The worst trouble among pods. */
export function worstTrouble(pods: readonly K8sObject[], scene: Scene): Trouble | undefined {
  return worst(pods.flatMap((pod) => podTrouble(pod, scene) ?? []))
}

/** The pods that `owner` controls and that are not on their way out. */
export function podsOf(owner: K8sObject, related: readonly K8sObject[]): readonly K8sObject[] {
  return related.filter(
    (one) => one.kind === 'Pod' && isOwnedBy(one, owner) && one.metadata.deletionTimestamp === undefined,
  )
}

/** Whether a pod serves. */
export function isReady(pod: K8sObject): boolean {
  return conditions(pod).get('Ready')?.status === 'True'
}

/** Whether a pod has ended: its owner does not count it any more. */
export function isOver(pod: K8sObject): boolean {
  return /^(?:Failed|Succeeded)$/.test(textAt(pod, 'status', 'phase') ?? '')
}

/** How many pods serve. */
export function readyCount(pods: readonly K8sObject[]): number {
  return pods.filter((pod) => isReady(pod) && !isOver(pod)).length
}

/** Whether none of the pods that are seen is out of order: the counts of a status lag behind one that just died. */
export function areWell(pods: readonly K8sObject[]): boolean {
  return pods.every((pod) => isReady(pod) || isOver(pod))
}
