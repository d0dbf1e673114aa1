/**
 * The play of one pod: its sandbox, its init containers in order, its sidecars, its containers, and its end.
 *
 * @module
 */
import type { Actor } from './actor.ts'
import { type Api, pathOf, pods, timestamp, wait } from './api.ts'
import { perform } from './container.ts'
import { fieldOf } from './pull.ts'
import type { Rule } from './script.ts'
import type { Container } from './status.ts'

const mountSeconds = 4
const sandboxSeconds = 6
const goneSeconds = 0.2

/** Plays a pod until it has ended by itself. Does not come back where it runs for ever. */
export async function playPod(actor: Actor): Promise<void> {
  const rules = actor.containers.map((one) => actor.ruleOf(one))
  const by = (play: Rule['play']) => rules.find((rule) => rule?.play === play)
  await actor.show()
  const mount = by('mount')
  if (mount !== undefined) return repeat(actor, { reason: 'FailedMount', seconds: mountSeconds, rule: mount })
  const sandbox = by('sandbox')
  if (sandbox !== undefined)
    return repeat(actor, { reason: 'FailedCreatePodSandBox', seconds: sandboxSeconds, rule: sandbox })
  await actor.show({ sandbox: true })
  const evict = by('evict')
  await Promise.race([
    playContainers(actor),
    ...(evict === undefined ? [] : [evicted(actor, evict)]),
    ...deadline(actor),
  ])
}

type Repeated = { readonly reason: string; readonly seconds: number; readonly rule: Rule }

async function repeat(actor: Actor, { reason, seconds, rule }: Repeated): Promise<never> {
  const before = reason === 'FailedMount' ? '' : 'Failed to create pod sandbox: '
  const message = rule.message ?? 'rpc error: code = Unknown desc = failed'
  const said = message.startsWith(before) ? message : `${before}${message}`
  for (;;) {
    actor.event({ type: 'Warning', reason, message: said })
    await actor.wait(seconds)
  }
}

async function playContainers(actor: Actor): Promise<void> {
  const scene = (container: Container) => ({ actor, container, rule: actor.ruleOf(container) })
  for (const container of actor.containers) {
    if (container.role === 'main') continue
    const playing = perform(scene(container))
    if (container.role === 'init') await playing
    else {
      // It goes on beside the others, until the pod's play is over.
      playing.catch(() => undefined)
      while (!container.status.started) await actor.wait(0.05)
    }
    // One that failed for good has failed the pod.
    const { state } = container.status
    if ('terminated' in state && state.terminated.exitCode !== 0) return
  }
  const mains = actor.containers.filter(({ role }) => role === 'main')
  for (const one of mains) one.status = { ...one.status, state: { waiting: { reason: 'ContainerCreating' } } }
  await Promise.all(mains.map((one) => perform(scene(one))))
  stopAll(actor, 0)
  await actor.show()
}

function stopAll({ containers }: Actor, exitCode: number): void {
  const at = timestamp()
  for (const container of containers) {
    const { state, containerID } = container.status
    if (!('running' in state)) continue
    const { startedAt } = state.running
    const reason = exitCode === 0 ? 'Completed' : 'Error'
    const id = containerID === undefined ? {} : { containerID }
    const terminated = { exitCode, reason, startedAt, finishedAt: at, ...id }
    container.status = { ...container.status, ready: false, started: false, state: { terminated } }
  }
}

async function evicted(actor: Actor, rule: Rule): Promise<void> {
  while (!actor.containers.some(({ role, status }) => role === 'main' && 'running' in status.state))
    await actor.wait(0.05)
  await actor.wait(rule.after ?? 1)
  const message = rule.message ?? 'The node was low on resource: ephemeral-storage. '
  actor.event({ type: 'Warning', reason: 'Evicted', message })
  stopAll(actor, 137)
  await actor.show({ sandbox: true, end: { phase: 'Failed', reason: 'Evicted', message } })
}

function deadline(actor: Actor): readonly Promise<void>[] {
  const seconds = actor.pod().spec.activeDeadlineSeconds
  if (seconds === undefined) return []
  const passed = async () => {
    await actor.wait(seconds)
    const message = 'Pod was active on the node longer than the specified deadline'
    actor.event({ type: 'Normal', reason: 'DeadlineExceeded', message })
    stopAll(actor, 137)
    await actor.show({ sandbox: true, end: { phase: 'Failed', reason: 'DeadlineExceeded', message } })
  }
  return [passed()]
}

/** Ends a pod that somebody deleted, as a node does: killed, told, and then forgotten. */
export async function endPod(actor: Actor, api: Api, signal: AbortSignal): Promise<void> {
  for (const container of actor.containers) {
    if (!('running' in container.status.state)) continue
    const message = `Stopping container ${container.spec.name}`
    actor.event({ type: 'Normal', reason: 'Killing', message, fieldPath: fieldOf(container) })
  }
  // One that ended by itself keeps its end.
  if (!['Succeeded', 'Failed'].includes(actor.pod().status?.phase ?? '')) {
    const seconds = actor.containers.map((one) => actor.ruleOf(one)?.terminate_after ?? goneSeconds)
    await wait(Math.max(...seconds), signal)
    stopAll(actor, 143)
    await actor.show({ sandbox: false, end: { phase: 'Failed' } })
  }
  const { namespace, name, uid } = actor.pod().metadata
  await api.ask({
    method: 'DELETE',
    path: pathOf(pods, namespace ?? '', name),
    body: { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: 0, preconditions: { uid } },
  })
}
