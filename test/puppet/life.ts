/**
 * One life of a container, from its start to its death; most live for ever.
 *
 * @module
 */
import { randomBytes } from 'node:crypto'
import { timestamp } from './api.ts'
import { fieldOf, type Scene, waits } from './pull.ts'

/** How a life ended. `never ran`: the runtime could not start it. */
export type End = { readonly exitCode: number; readonly reason: string; readonly message?: string }

const unhealthySeconds = 2
const jobSeconds = 1
const initSeconds = 0.2
/** A probe kills after three failures in a row. */
const probeFailures = 3
const errorSeconds = 12

/**
 * Lives once. Does not come back where the container runs, or hangs, for ever.
 *
 * @param deaths - how often it died before
 */
export async function live(scene: Scene, deaths: number): Promise<End> {
  const { rule, actor } = scene
  const isWell = deaths >= (rule?.times ?? Number.POSITIVE_INFINITY)
  switch (rule?.play) {
    case 'config-error':
      return hang(scene, 'CreateContainerConfigError')
    case 'create-error':
      return hang(scene, 'CreateContainerError')
    case 'start-error':
      return isWell ? well(scene) : startError(scene)
    case 'exit':
    case 'crash':
      return isWell ? well(scene) : die(scene)
    case 'probed':
      return isWell ? well(scene) : probed(scene)
    case 'never-ready':
      await start(scene, 'unready')
      for (;;) {
        await actor.wait(unhealthySeconds)
        unhealthy(scene, 'Readiness')
      }
    case 'flap':
      return flap(scene)
    case 'run':
      return well(scene)
    case 'evict':
    case 'image-pull':
    case 'image-name':
    case 'mount':
    case 'sandbox':
    case undefined:
      return well(scene)
  }
}

/** Ends as a container without a rule ends: a Job's after a second, an init container at once, all others never. */
async function well(scene: Scene): Promise<End> {
  const { actor, container, rule } = scene
  const { role } = container
  const late = rule?.ready_after ?? 0
  await start(scene, role === 'init' || late > 0 ? 'unready' : 'ready')
  if (late > 0) {
    await actor.wait(late)
    await turn(scene, 'ready')
  }
  const isJob = actor.pod().metadata.ownerReferences?.some(({ kind }) => kind === 'Job') ?? false
  const isForEver = rule?.play === 'run' || role === 'sidecar' || (role === 'main' && !isJob)
  await actor.wait(isForEver ? 2_000_000 : role === 'init' ? initSeconds : jobSeconds)
  return { exitCode: 0, reason: 'Completed' }
}

async function start({ actor, container }: Scene, how: 'ready' | 'unready'): Promise<void> {
  const fieldPath = fieldOf(container)
  actor.event({ type: 'Normal', reason: 'Created', message: 'Container created', fieldPath })
  actor.event({ type: 'Normal', reason: 'Started', message: 'Container started', fieldPath })
  container.status = {
    ...container.status,
    containerID: `containerd://${randomBytes(32).toString('hex')}`,
    ready: how === 'ready',
    started: how === 'ready' || container.spec.startupProbe === undefined,
    state: { running: { startedAt: timestamp() } },
  }
  await actor.show()
}

async function turn({ actor, container }: Scene, how: 'ready' | 'unready'): Promise<void> {
  container.status = { ...container.status, ready: how === 'ready', started: true }
  await actor.show()
}

function unhealthy({ actor, container, rule }: Scene, probe: 'Readiness' | 'Liveness' | 'Startup'): void {
  const message = `${probe} probe failed: ${rule?.message ?? 'HTTP probe failed with statuscode: 500'}`
  actor.event({ type: 'Warning', reason: 'Unhealthy', message, fieldPath: fieldOf(container) })
}

async function flap(scene: Scene): Promise<End> {
  const { actor, rule } = scene
  await start(scene, 'ready')
  for (let times = 0; times < (rule?.times ?? Number.POSITIVE_INFINITY); times++) {
    await actor.wait(rule?.up ?? 1)
    unhealthy(scene, 'Readiness')
    await turn(scene, 'unready')
    await actor.wait(rule?.down ?? 1)
    await turn(scene, 'ready')
  }
  await actor.wait(2_000_000)
  return { exitCode: 0, reason: 'Completed' }
}

async function die(scene: Scene): Promise<End> {
  const { actor, rule } = scene
  await start(scene, rule?.ready === true ? 'ready' : 'unready')
  await actor.wait(rule?.after ?? 0.5)
  const exitCode = rule?.exitCode ?? (rule?.play === 'exit' ? 0 : 1)
  const reason = rule?.reason ?? (exitCode === 0 ? 'Completed' : 'Error')
  return { exitCode, reason }
}

async function probed(scene: Scene): Promise<End> {
  const { actor, container, rule } = scene
  const probe = rule?.probe ?? 'Liveness'
  await start(scene, rule?.ready === true ? 'ready' : 'unready')
  for (let failures = 1; failures <= probeFailures; failures++) {
    await actor.wait((rule?.after ?? 1) / probeFailures)
    unhealthy(scene, probe)
  }
  const message = `Container ${container.spec.name} failed ${probe.toLowerCase()} probe, will be restarted`
  actor.event({ type: 'Normal', reason: 'Killing', message, fieldPath: fieldOf(container) })
  return { exitCode: rule?.exitCode ?? 137, reason: rule?.reason ?? 'Error' }
}

async function hang(scene: Scene, reason: string): Promise<never> {
  const { actor, container, rule } = scene
  const why = rule?.message ?? 'unknown'
  await waits(scene, reason, why)
  for (;;) {
    actor.event({ type: 'Warning', reason: 'Failed', message: `Error: ${why}`, fieldPath: fieldOf(container) })
    await actor.wait(errorSeconds)
  }
}

async function startError(scene: Scene): Promise<End> {
  const { actor, container, rule } = scene
  const message = rule?.message ?? 'failed to create containerd task'
  const fieldPath = fieldOf(container)
  actor.event({ type: 'Normal', reason: 'Created', message: 'Container created', fieldPath })
  actor.event({ type: 'Warning', reason: 'Failed', message: `Error: ${message}`, fieldPath })
  const containerID = `containerd://${randomBytes(32).toString('hex')}`
  // A container that never ran began, for the runtime, at the beginning of time.
  const never = { startedAt: '1970-01-01T00:00:00Z', finishedAt: timestamp(), containerID }
  const terminated = { exitCode: 128, reason: 'StartError', message, ...never }
  container.status = { ...container.status, containerID, lastState: { terminated } }
  await waits(scene, 'RunContainerError', message)
  await actor.wait(rule?.after ?? 0.5)
  return { exitCode: 128, reason: 'StartError', message }
}
