/**
 * The lives of one container: pulled once, started, restarted at once after its first death, and later only after a
 * back-off.
 *
 * @module
 */
import { timestamp } from './api.ts'
import { type End, live } from './life.ts'
import { backOff, fieldOf, pull, type Scene } from './pull.ts'
import { restarts, type Terminated } from './status.ts'

/** How long a dead container is seen as dead before the kubelet does something about it. */
const deadSeconds = 0.2
const syncSeconds = 12

/** Plays one container to its last end. */
export async function perform(scene: Scene): Promise<void> {
  const { actor, container } = scene
  await pull(scene)
  for (let deaths = 1; ; deaths++) {
    const end = await live(scene, deaths - 1)
    const terminated = terminatedBy(scene, end)
    if (end.reason !== 'StartError') {
      const { role } = container
      // Of an init container ready means that it is through.
      const ready = role === 'init' && end.exitCode === 0
      container.status = { ...container.status, ready, started: false, state: { terminated } }
      await actor.show()
    }
    if (!restarts(container, actor.pod(), end.exitCode)) return
    await actor.wait(deadSeconds)
    container.status = { ...container.status, lastState: { terminated } }
    if (deaths > 1) await backedOff(scene, deaths - 1)
    container.status = { ...container.status, restartCount: container.status.restartCount + 1 }
  }
}

function terminatedBy({ container }: Scene, end: End): Terminated {
  const { state, lastState, containerID } = container.status
  if (end.reason === 'StartError' && lastState.terminated !== undefined) return lastState.terminated
  const at = timestamp()
  const startedAt = 'running' in state ? state.running.startedAt : at
  return { ...end, startedAt, finishedAt: at, ...(containerID === undefined ? {} : { containerID }) }
}

async function backedOff({ actor, container }: Scene, turn: number): Promise<void> {
  const seconds = backOff(turn)
  const { namespace, name, uid } = actor.pod().metadata
  const pod = `${name}_${namespace}(${uid})`
  const message = `back-off ${spoken(seconds)} restarting failed container=${container.spec.name} pod=${pod}`
  const state = { waiting: { reason: 'CrashLoopBackOff', message } }
  container.status = { ...container.status, ready: false, started: false, state }
  await actor.show()
  const said = `Back-off restarting failed container ${container.spec.name} in pod ${pod}`
  for (let left = seconds; left > 0; left -= syncSeconds) {
    actor.event({ type: 'Warning', reason: 'BackOff', message: said, fieldPath: fieldOf(container) })
    await actor.wait(Math.min(left, syncSeconds))
  }
}

/** `1m20s`, as Go writes it. */
function spoken(seconds: number): string {
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`
}
