/**
 * One pod on its node: what it looks like now, and how that is told to the API server. Status writes go one after the
 * other, so that every state of a play is really seen.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { type Api, pathOf, pods, strategic, timestamp, wait } from './api.ts'
import type { Record, Said } from './events.ts'
import type { ContainerSpec, Pod, Rule } from './script.ts'
import { type Condition, conditions, type Container, phase, type PodFacts, type Role } from './status.ts'

/** What a play may do with its pod. */
export type Actor = {
  readonly containers: readonly Container[]
  pod(): Pod
  /** The newest state of the pod as the API server tells it. */
  update(pod: Pod): void
  ruleOf(container: Container): Rule | undefined
  /** Tells the state of all containers. */
  show(facts?: PodFacts): Promise<void>
  event(said: Said): void
  wait(seconds: number): Promise<void>
}

export type Acting = {
  readonly api: Api
  readonly record: Record
  readonly signal: AbortSignal
  /** The rule of each container, by name; settled when the pod comes to the node. */
  readonly rules: ReadonlyMap<string, Rule | undefined>
}

/** Brings a pod onto the stage; nothing is written yet. */
export function openActor(first: Pod, { api, record, signal, rules }: Acting): Actor {
  let pod = first
  let facts: PodFacts = { sandbox: false }
  let told: Promise<void> = Promise.resolve()
  const times = new Map<string, { readonly status: string; readonly at: string }>()
  const containers = containersOf(pod)
  const address = addressOf(first.metadata.uid ?? '')
  const startTime = timestamp()
  const stamp = ({ type, status, reason, message }: Condition) => {
    const old = times.get(type)
    const at = old?.status === status ? old.at : timestamp()
    times.set(type, { status, at })
    const observedGeneration = pod.metadata.generation
    const why = { reason: reason ?? null, message: message ?? null }
    return { type, status, ...why, lastProbeTime: null, lastTransitionTime: at, observedGeneration }
  }
  const body = () => ({
    metadata: { uid: first.metadata.uid },
    status: {
      observedGeneration: pod.metadata.generation,
      phase: facts.end?.phase ?? phase(pod, containers),
      reason: facts.end?.reason ?? null,
      message: facts.end?.message ?? null,
      conditions: conditions(pod, containers, facts).map(stamp),
      containerStatuses: containers.filter(({ role }) => role === 'main').map(({ status }) => status),
      initContainerStatuses: containers.filter(({ role }) => role !== 'main').map(({ status }) => status),
      hostIP: '127.0.0.1',
      hostIPs: [{ ip: '127.0.0.1' }],
      ...(facts.sandbox ? { podIP: address, podIPs: [{ ip: address }] } : {}),
      startTime,
    },
  })
  const path = `${pathOf(pods, first.metadata.namespace ?? '', first.metadata.name)}/status`
  const write = async (content: object) => {
    await api.ask({ method: 'PATCH', path, contentType: strategic, body: content })
  }
  return {
    containers,
    pod: () => pod,
    update: (next) => {
      pod = next
    },
    ruleOf: ({ spec }) => rules.get(spec.name),
    show(now) {
      facts = now ?? facts
      const content = body()
      told = told.then(() => write(content)).catch(() => undefined)
      return told
    },
    event: (said) => void record(pod, said, { component: 'kubelet', host: pod.spec.nodeName ?? '' }),
    wait: (seconds) => wait(seconds, signal),
  }
}

function containersOf({ spec }: Pod): readonly Container[] {
  const inits = spec.initContainers ?? []
  const waiting = inits.length === 0 ? 'ContainerCreating' : 'PodInitializing'
  return [
    ...inits.map((one) => container(one, one.restartPolicy === 'Always' ? 'sidecar' : 'init', waiting)),
    ...spec.containers.map((one) => container(one, 'main', waiting)),
  ]
}

function container(spec: ContainerSpec, role: Role, reason: string): Container {
  const { name, image } = spec
  const state = { waiting: { reason } }
  return {
    spec,
    role,
    status: { name, image, imageID: '', ready: false, started: false, restartCount: 0, state, lastState: {} },
  }
}

function addressOf(uid: string): string {
  const hash = createHash('sha256').update(uid).digest()
  return `10.244.${hash[0] ?? 0}.${1 + ((hash[1] ?? 0) % 250)}`
}
