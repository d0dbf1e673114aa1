/**
 * What is wrong with a pod, in one phrase: from its containers' states, its conditions and its events. Which troubles
 * waiting does not mend follows what the kubelet itself does about them: it retries a pull that timed out, and would
 * retry one of a missing tag for ever.
 *
 * @module
 */
import { type K8sObject, objectId, showObject } from '../release/object.ts'
import type { Evidence } from '../release/verdict.ts'
import { at, conditions, isOwnedBy, listAt, numberAt, textAt } from './at.ts'
import { pullTrouble } from './pull.ts'

export type Trouble = {
  readonly word: 'failed' | 'waiting'
  readonly code: string
  /** A phrase: `the image web:v2 was not found`. */
  readonly says: string
  readonly hint: string
  readonly evidence: readonly Evidence[]
}

type Container = { readonly status: unknown; readonly name: string; readonly image: string; readonly init: boolean }

/** The worst trouble of a pod, or `undefined` where it is ready or merely young. */
export function podTrouble(pod: K8sObject, events: readonly K8sObject[]): Trouble | undefined {
  const mine = events.filter((event) => textAt(event, 'involvedObject', 'uid') === pod.metadata.uid)
  const found = containers(pod).flatMap((one) => containerTrouble(one, pod, mine) ?? [])
  return (
    found.find(({ word }) => word === 'failed') ?? found[0] ?? scheduling(pod) ?? fromEvents(pod, mine) ?? unready(pod)
  )
}

function containers(pod: K8sObject): readonly Container[] {
  const of = (field: string, init: boolean) =>
    listAt(pod, 'status', field).map((status) => ({
      status,
      name: textAt(status, 'name') ?? '',
      image: textAt(status, 'image') ?? '',
      init,
    }))
  return [...of('initContainerStatuses', true), ...of('containerStatuses', false)]
}

/** What the pod's own spec calls the image: the status may carry another name of the same bytes. */
function imageOf(pod: K8sObject, { name, image }: Container): string {
  const spec = [...listAt(pod, 'spec', 'initContainers'), ...listAt(pod, 'spec', 'containers')]
  return (
    textAt(
      spec.find((one) => textAt(one, 'name') === name),
      'image',
    ) ?? image
  )
}

function containerTrouble(one: Container, pod: K8sObject, events: readonly K8sObject[]): Trouble | undefined {
  const reason = textAt(one.status, 'state', 'waiting', 'reason') ?? ''
  const message = textAt(one.status, 'state', 'waiting', 'message') ?? ''
  const image = imageOf(pod, one)
  const trouble = (rest: Omit<Trouble, 'evidence'>): Trouble => ({
    ...rest,
    evidence: [evidence(pod, `${reason}: ${message}`.replace(/: $/, ''))],
  })
  switch (reason) {
    case 'ErrImagePull':
    case 'ImagePullBackOff':
    case 'RegistryUnavailable':
      return trouble(pullTrouble(image, `${message} ${failedPull(events)}`))
    case 'InvalidImageName':
      return trouble({
        word: 'failed',
        code: 'IMAGE_NAME',
        says: `${image} is no valid name of an image`,
        hint: 'Mend the image in the values: lower case, REPOSITORY:TAG.',
      })
    case 'CreateContainerConfigError':
    case 'CreateContainerError':
      return trouble(createTrouble(one.name, message))
    case 'CrashLoopBackOff':
    case 'RunContainerError':
      return crashTrouble(one, pod, events)
    default:
      return undefined
  }
}

function failedPull(events: readonly K8sObject[]): string {
  const messages = events.map((event) => textAt(event, 'message') ?? '')
  return messages.findLast((message) => message.startsWith('Failed to pull image')) ?? ''
}

function createTrouble(name: string, message: string): Omit<Trouble, 'evidence'> {
  const missing = /(configmap|secret) "([^"]+)" not found|couldn't find key (\S+) in (ConfigMap|Secret) (\S+)/i.exec(
    message,
  )
  if (missing !== null)
    return {
      word: 'failed',
      code: 'CONFIG_MISSING',
      says: `the container ${name} cannot be made: ${message}`,
      hint: 'Create what is missing, or mend the reference to it, and deploy again.',
    }
  const passing = /deadline exceeded|timeout|timed out|is reserved/i.test(message)
  return {
    word: passing ? 'waiting' : 'failed',
    code: 'CREATE_ERROR',
    says: `the container ${name} cannot be made: ${message}`,
    hint: 'The node refuses this container as it is written: mend its securityContext, command or mounts.',
  }
}

function crashTrouble(one: Container, pod: K8sObject, events: readonly K8sObject[]): Trouble | undefined {
  const last = at(one.status, 'lastState', 'terminated') ?? at(one.status, 'state', 'terminated')
  const exit = numberAt(last, 'exitCode')
  const reason = textAt(last, 'reason') ?? ''
  const restarts = numberAt(one.status, 'restartCount') ?? 0
  // Dead once is no loop: the kubelet restarts at once the first time. The second death makes it one.
  if (restarts < 1 || textAt(one.status, 'state', 'waiting', 'reason') !== 'CrashLoopBackOff') return undefined
  const said = (textAt(last, 'message') ?? '').trim().split('\n').at(-1) ?? ''
  const node = textAt(pod, 'spec', 'nodeName')
  const where = node === undefined ? '' : ` on ${node}`
  const end = exit === undefined ? 'it ends again and again' : `it exited with code ${exit}`
  const cause = crashCause({ reason, exit, probes: probeWords(events), init: one.init })
  return {
    word: 'failed',
    code: cause.code,
    says: `${one.init ? 'the init container' : 'the container'} ${one.name}${where} crashes: ${cause.says ?? end}${said === '' ? '' : ` (${said})`}, ${restarts + 1} times so far`,
    hint: cause.hint,
    evidence: [evidence(pod, `CrashLoopBackOff, exit code ${exit ?? 'unknown'}${reason === '' ? '' : `, ${reason}`}`)],
  }
}

type Crash = {
  readonly reason: string
  readonly exit: number | undefined
  readonly probes: string
  readonly init: boolean
}

function crashCause({ reason, exit, probes, init }: Crash): { code: string; says?: string; hint: string } {
  if (reason === 'OOMKilled')
    return {
      code: 'OUT_OF_MEMORY',
      says: 'it was killed for memory (OOMKilled)',
      hint: 'Raise its memory limit, or find what fills it.',
    }
  if (exit === 137 && /startup probe/i.test(probes))
    return {
      code: 'STARTUP_PROBE',
      says: 'its startup probe fails',
      hint: 'Give it more time to start, or mend the probe.',
    }
  if (exit === 137 && /liveness probe/i.test(probes))
    return { code: 'LIVENESS', says: 'its liveness probe fails', hint: 'Mend the probe, or what it asks for.' }
  if (reason === 'StartError' || reason === 'ContainerCannotRun')
    return {
      code: 'START_ERROR',
      says: 'it cannot be started',
      hint: 'Mend its command: the image has no such program.',
    }
  const hint = 'Read its last words: kubectl logs --previous.'
  return init ? { code: 'INIT_CONTAINER', hint } : { code: 'CRASH_LOOP', hint }
}

function probeWords(events: readonly K8sObject[]): string {
  return events.map((event) => textAt(event, 'message') ?? '').join('\n')
}

function scheduling(pod: K8sObject): Trouble | undefined {
  const scheduled = conditions(pod).get('PodScheduled')
  if (scheduled === undefined || scheduled.status !== 'False') return undefined
  const code = /persistentvolumeclaim|volume/i.test(scheduled.message)
    ? 'VOLUME'
    : scheduled.reason === 'SchedulingGated'
      ? 'SCHEDULING_GATED'
      : 'UNSCHEDULABLE'
  return {
    word: 'waiting',
    code,
    says: `the pod ${pod.metadata.name} has no node: ${scheduled.message}`,
    hint: 'Look at its requests, selectors and tolerations, and at the nodes.',
    evidence: [evidence(pod, `${scheduled.reason}: ${scheduled.message}`, scheduled.since)],
  }
}

/** Before a container has a state, only events tell what the node is busy with. */
function fromEvents(pod: K8sObject, events: readonly K8sObject[]): Trouble | undefined {
  const event = events.findLast((one) =>
    /^(?:FailedMount|FailedAttachVolume|FailedCreatePodSandBox)$/.test(textAt(one, 'reason') ?? ''),
  )
  if (event === undefined || textAt(pod, 'status', 'phase') !== 'Pending') return undefined
  const message = textAt(event, 'message') ?? ''
  const reason = textAt(event, 'reason') ?? ''
  const proof = [evidence(pod, `${reason}: ${message}`, textAt(event, 'lastTimestamp'))]
  if (/(?:configmap|secret) "[^"]+" not found|references non-existent (?:config|secret) key/i.test(message))
    return {
      word: 'failed',
      code: 'CONFIG_MISSING',
      says: `a volume of the pod ${pod.metadata.name} cannot be mounted: ${message}`,
      hint: 'Create what is missing, or mend the reference to it, and deploy again.',
      evidence: proof,
    }
  const isSandbox = reason === 'FailedCreatePodSandBox'
  return {
    word: 'waiting',
    code: isSandbox ? 'SANDBOX' : 'VOLUME',
    says: `the pod ${pod.metadata.name} cannot start: ${message}`,
    hint: isSandbox ? 'Look at the network plugin of its node.' : 'Look at the volume and its driver.',
    evidence: proof,
  }
}

function unready(pod: K8sObject): Trouble | undefined {
  const known = conditions(pod)
  if (textAt(pod, 'status', 'phase') !== 'Running' || known.get('Ready')?.status === 'True') return undefined
  const gate = listAt(pod, 'spec', 'readinessGates')
    .map((one) => textAt(one, 'conditionType') ?? '')
    .find((type) => known.get(type)?.status !== 'True')
  const isGate = gate !== undefined && known.get('ContainersReady')?.status === 'True'
  return {
    word: 'waiting',
    code: isGate ? 'READINESS_GATE' : 'READINESS',
    says: isGate
      ? `the pod ${pod.metadata.name} waits for its readiness gate ${gate}`
      : `the pod ${pod.metadata.name} runs and is not ready`,
    hint: isGate ? 'Look at the controller that sets this gate.' : 'Look at its readiness probe: kubectl describe pod.',
    evidence: [evidence(pod, known.get('Ready')?.message || 'Ready is not True', known.get('Ready')?.since)],
  }
}

/** Something a pod shows. */
export function evidence(object: K8sObject, says: string, since?: string): Evidence {
  return { object: showObject(objectId(object)), says, ...(since === undefined ? {} : { at: since }) }
}

/** The worst trouble among the pods of an owner. */
export function worstTrouble(pods: readonly K8sObject[], events: readonly K8sObject[]): Trouble | undefined {
  const found = pods.flatMap((pod) => podTrouble(pod, events) ?? [])
  return found.find(({ word }) => word === 'failed') ?? found[0]
}

/** The pods that `owner` controls and that are not on their way out. */
export function podsOf(owner: K8sObject, related: readonly K8sObject[]): readonly K8sObject[] {
  return related.filter(
    (one) => one.kind === 'Pod' && isOwnedBy(one, owner) && one.metadata.deletionTimestamp === undefined,
  )
}
