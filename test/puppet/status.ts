/**
 * A pod's status as the kubelet works it out from its containers: phase and conditions (kubelet 1.37: getPhase,
 * status/generate.go).
 *
 * @module
 */
import type { ContainerSpec, Pod } from './script.ts'

export type Terminated = {
  readonly exitCode: number
  readonly reason: string
  readonly message?: string
  readonly startedAt: string
  readonly finishedAt: string
  readonly containerID?: string
}

export type State =
  | { readonly waiting: { readonly reason: string; readonly message?: string } }
  | { readonly running: { readonly startedAt: string } }
  | { readonly terminated: Terminated }

export type ContainerStatus = {
  readonly name: string
  readonly image: string
  readonly imageID: string
  readonly containerID?: string
  readonly ready: boolean
  readonly started: boolean
  readonly restartCount: number
  readonly state: State
  readonly lastState: { readonly terminated?: Terminated }
}

export type Role = 'init' | 'sidecar' | 'main'

/** A container on the stage. Its status is replaced as the play goes on. */
export type Container = { readonly spec: ContainerSpec; readonly role: Role; status: ContainerStatus }

/** What is so of the whole pod beside its containers. `end`: the node gave the pod up. */
export type PodFacts = {
  readonly sandbox: boolean
  readonly end?: { readonly phase: string; readonly reason?: string; readonly message?: string }
}

export type Condition = {
  readonly type: string
  readonly status: 'True' | 'False'
  readonly reason?: string
  readonly message?: string
}

export type Phase = 'Pending' | 'Running' | 'Succeeded' | 'Failed'

/** Whether a container that ended so is started again. */
export function restarts({ spec, role }: Container, pod: Pod, exitCode: number): boolean {
  if (role === 'sidecar') return true
  const policy = (role === 'main' ? spec.restartPolicy : undefined) ?? pod.spec.restartPolicy ?? 'Always'
  if (policy === 'Never') return false
  return exitCode !== 0 || (policy === 'Always' && role === 'main')
}

/** How a container ended last, where it is not running now. */
function ended({ status: { state, lastState } }: Container): Terminated | undefined {
  if ('terminated' in state) return state.terminated
  return 'waiting' in state ? lastState.terminated : undefined
}

/** The phase of a pod. */
export function phase(pod: Pod, containers: readonly Container[]): Phase {
  const inits = containers.filter(({ role }) => role === 'init')
  const mains = containers.filter(({ role }) => role === 'main')
  const failed = (one: Container) => (ended(one)?.exitCode ?? 0) !== 0
  if (inits.some((one) => failed(one) && !restarts(one, pod, ended(one)?.exitCode ?? 0))) return 'Failed'
  if (inits.some((one) => ended(one) === undefined)) return 'Pending'
  const begun = mains.some(({ status }) => status.restartCount > 0 || !('waiting' in status.state))
  if (!begun && containers.some((one) => one.role === 'sidecar' && !one.status.started)) return 'Pending'
  if (mains.some((one) => 'waiting' in one.status.state && ended(one) === undefined)) return 'Pending'
  const ends = mains.map((one) => ({ one, end: ended(one) }))
  if (ends.some(({ end }) => end === undefined)) return 'Running'
  if (ends.some(({ one, end }) => restarts(one, pod, end?.exitCode ?? 0))) return 'Running'
  // A sidecar that still runs holds the pod, as it does on a real node.
  if (containers.some(({ role, status }) => role === 'sidecar' && 'running' in status.state)) return 'Running'
  return ends.every(({ end }) => end?.exitCode === 0) ? 'Succeeded' : 'Failed'
}

/** The conditions that the kubelet owns. */
export function conditions(pod: Pod, containers: readonly Container[], facts: PodFacts): readonly Condition[] {
  const now = facts.end?.phase ?? phase(pod, containers)
  const ready = containersReady(containers, now)
  return [
    { type: 'PodReadyToStartContainers', status: facts.sandbox ? 'True' : 'False' },
    initialized(containers, now),
    { ...readyOf(pod, ready), type: 'Ready' },
    { ...ready, type: 'ContainersReady' },
  ]
}

type Verdict = Omit<Condition, 'type'>

function names(containers: readonly Container[]): string {
  return `[${containers.map(({ spec }) => spec.name).join(' ')}]`
}

function containersReady(containers: readonly Container[], now: string): Verdict {
  if (now === 'Succeeded') return { status: 'False', reason: 'PodCompleted' }
  if (now === 'Failed') return { status: 'False', reason: 'PodFailed' }
  const unready = containers.filter(({ role, status }) => role !== 'init' && !status.ready)
  if (unready.length === 0) return { status: 'True' }
  const message = `containers with unready status: ${names(unready)}`
  return { status: 'False', reason: 'ContainersNotReady', message }
}

function readyOf({ spec, status }: Pod, ready: Verdict): Verdict {
  if (ready.status === 'False') return ready
  const open = (spec.readinessGates ?? []).flatMap(({ conditionType }) => {
    const found = status?.conditions?.find(({ type }) => type === conditionType)
    if (found === undefined) return [`corresponding condition of pod readiness gate "${conditionType}" does not exist.`]
    if (found.status === 'True') return []
    return [`the status of pod readiness gate "${conditionType}" is not "True", but ${found.status}`]
  })
  return open.length === 0 ? ready : { status: 'False', reason: 'ReadinessGatesNotReady', message: open.join(', ') }
}

function initialized(containers: readonly Container[], now: string): Condition {
  const type = 'Initialized'
  if (now === 'Succeeded') return { type, status: 'True', reason: 'PodCompleted' }
  const begun = containers.some(
    ({ role, status }) => role === 'main' && (status.restartCount > 0 || !('waiting' in status.state)),
  )
  const open = containers.filter(
    ({ role, status }) => (role === 'init' && !status.ready) || (role === 'sidecar' && !status.started),
  )
  if (begun || open.length === 0) return { type, status: 'True' }
  const message = `containers with incomplete status: ${names(open)}`
  return { type, status: 'False', reason: 'ContainersNotInitialized', message }
}
