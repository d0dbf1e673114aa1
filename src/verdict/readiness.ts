/**
 * Pods that run and do not serve: by their probe, by a gate that somebody else opens, or because they serve only now and
 * then.
 *
 * @module
 */
import type { K8sObject } from '../release/object.ts'
import { at, conditions, listAt, numberAt, textAt } from './at.ts'
import { logsOf } from './command.ts'
import { type Container, containersOf } from './container.ts'
import { type Told, timeMs, toldOf } from './events.ts'
import { evidence, type Scene, short, type Trouble } from './trouble.ts'

/** A pod that runs and is not ready. */
export function readinessTrouble(pod: K8sObject, told: readonly Told[]): Trouble | undefined {
  const known = conditions(pod)
  const ready = known.get('Ready')
  if (textAt(pod, 'status', 'phase') !== 'Running' || ready?.status === 'True') return undefined
  const gate = closedGate(pod)
  if (gate !== undefined) return gate
  const lost = lostNode(pod)
  if (lost !== undefined) return lost
  const [slow] = containersOf(pod).filter(isStarting)
  const probe = slow === undefined ? 'Readiness' : 'Startup'
  const event = told.findLast(({ reason, message }) => reason === 'Unhealthy' && message.startsWith(probe))
  const who =
    slow ?? containersOf(pod).find(({ status, role }) => role !== 'init container' && at(status, 'ready') !== true)
  const whose = who === undefined ? '' : ` (${who.role} ${who.name})`
  const restarts = Math.max(0, ...containersOf(pod).map(({ status }) => numberAt(status, 'restartCount') ?? 0))
  const again = restarts === 0 ? '' : ` after ${restarts} ${restarts === 1 ? 'restart' : 'restarts'}`
  const hasProbe = at(who?.spec, `${probe.toLowerCase()}Probe`) !== undefined
  const silent = hasProbe ? `; its ${probe.toLowerCase()} probe has not passed yet` : ''
  const why = event === undefined ? silent : `: ${short(event.message)}`
  return {
    word: 'waiting',
    code: slow === undefined ? 'READINESS' : 'STARTUP_PROBE',
    says: `the pod ${pod.metadata.name}${whose} runs and is not ready${again}${why}`,
    hint: `Ask what its ${probe.toLowerCase()} probe asks for, and read its log: ${logsOf(pod, who?.name)}.`,
    evidence: [
      event === undefined
        ? evidence(pod, `Ready is False: ${ready?.message ?? ''}`.replace(/: $/, ''), ready?.since)
        : evidence(pod, `${event.reason}: ${event.message}`, event.at),
    ],
  }
}

/** Its kubelet said that all containers are ready; that the pod is not, somebody else said since: the node is silent. */
function lostNode(pod: K8sObject): Trouble | undefined {
  const known = conditions(pod)
  const node = textAt(pod, 'spec', 'nodeName')
  if (node === undefined || known.get('ContainersReady')?.status !== 'True') return undefined
  const since = known.get('Ready')?.since
  return {
    word: 'waiting',
    code: 'READINESS',
    says: `the containers of the pod ${pod.metadata.name} are ready, but nothing is heard of its node ${node}`,
    hint: `Look at the node: kubectl describe node ${node}.`,
    evidence: [evidence(pod, 'Ready is False, ContainersReady is True', since)],
  }
}

function isStarting({ status, spec, role }: Container): boolean {
  return role !== 'init container' && at(spec, 'startupProbe') !== undefined && at(status, 'started') === false
}

function closedGate(pod: K8sObject): Trouble | undefined {
  const known = conditions(pod)
  const gate = listAt(pod, 'spec', 'readinessGates')
    .map((one) => textAt(one, 'conditionType') ?? '')
    .find((type) => known.get(type)?.status !== 'True')
  if (gate === undefined || known.get('ContainersReady')?.status !== 'True') return undefined
  const said = known.get(gate)
  const words =
    said === undefined ? 'nobody has set it' : `${said.status}${said.message === '' ? '' : `: ${short(said.message)}`}`
  return {
    word: 'waiting',
    code: 'READINESS_GATE',
    says: `the containers of the pod ${pod.metadata.name} are ready, its readiness gate ${gate} is not open (${words})`,
    hint: 'Look at the controller that sets this gate: most often that of a load balancer.',
    evidence: [evidence(pod, known.get('Ready')?.message || `${gate} is not True`, known.get('Ready')?.since)],
  }
}

/** Pods that are ready and do not count yet, because they are not for long enough. `by` counts them in its status. */
export function tooYoung(owner: K8sObject, by: K8sObject | undefined): Trouble | undefined {
  const seconds = numberAt(owner, 'spec', 'minReadySeconds') ?? 0
  const count = (field: string) => numberAt(by, 'status', field) ?? 0
  const young = count('readyReplicas') - count('availableReplicas')
  if (seconds === 0 || young <= 0 || by === undefined) return undefined
  return {
    word: 'waiting',
    code: 'READINESS',
    says: `${young} of them not for ${seconds} s without a break yet (minReadySeconds)`,
    hint: 'They have to stay ready that long; if this goes on, their readiness probe fails now and then.',
    evidence: [evidence(by, `${count('readyReplicas')} ready, ${count('availableReplicas')} available`)],
  }
}

/** What a probe said this long before the pod was ready again still tells of flapping. */
const recentMs = 60_000

/** Pods that are ready now and were not a moment ago: a look at the wrong moment finds them green. */
export function flapping(pods: readonly K8sObject[], { events }: Scene): Trouble | undefined {
  for (const pod of pods) {
    const ready = conditions(pod).get('Ready')
    const event = toldOf(pod, events).findLast(
      ({ reason, message }) => reason === 'Unhealthy' && message.startsWith('Readiness'),
    )
    if (ready?.status !== 'True' || event === undefined) continue
    if (timeMs(ready.since) - timeMs(event.at) > recentMs) continue
    return {
      word: 'waiting',
      code: 'READINESS',
      says: `the pod ${pod.metadata.name} is ready now and then only: ${short(event.message)}`,
      hint: `Ask what its readiness probe asks for, and read its log: ${logsOf(pod)}.`,
      evidence: [evidence(pod, `${event.reason}: ${event.message}`, event.at)],
    }
  }
  return undefined
}
