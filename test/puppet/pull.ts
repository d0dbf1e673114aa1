/**
 * How an image comes to the node, or does not.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import type { Actor } from './actor.ts'
import type { Rule } from './script.ts'
import type { Container } from './status.ts'

/** One container in its pod, and what it plays. */
export type Scene = { readonly actor: Actor; readonly container: Container; readonly rule: Rule | undefined }

const pullSeconds = 0.2
const failSeconds = 0.3
const toBackOffSeconds = 1.5
/** How often a kubelet comes back to a pod that waits. */
const syncSeconds = 12
const firstBackOff = 10
const longestBackOff = 300

/** The path of a container in the events of its pod. */
export function fieldOf({ role, spec }: Container): string {
  return `spec.${role === 'main' ? 'containers' : 'initContainers'}{${spec.name}}`
}

/** Seconds of the nth back-off, counted from 1. */
export function backOff(turn: number): number {
  return Math.min(longestBackOff, firstBackOff * 2 ** (turn - 1))
}

/** Makes the container wait with a reason, and says so. */
export async function waits({ actor, container }: Scene, reason: string, message?: string): Promise<void> {
  const state = { waiting: { reason, ...(message === undefined ? {} : { message }) } }
  container.status = { ...container.status, ready: false, started: false, state }
  await actor.show()
}

/** Pulls the image as the rule says. Does not come back where it never arrives. */
export async function pull(scene: Scene): Promise<void> {
  const { actor, container, rule } = scene
  const { image } = container.spec
  const fieldPath = fieldOf(container)
  if (rule?.play === 'image-name') return badName(scene)
  if (rule?.play === 'image-pull')
    for (let turn = 1; turn <= (rule.times ?? Number.POSITIVE_INFINITY); turn++) await failedPull(scene, turn)
  actor.event({ type: 'Normal', reason: 'Pulling', message: `Pulling image "${image}"`, fieldPath })
  await actor.wait(pullSeconds)
  const took = `in ${pullSeconds * 1000}ms (${pullSeconds * 1000}ms including waiting). Image size: 41943040 bytes.`
  const message = `Successfully pulled image "${image}" ${took}`
  actor.event({ type: 'Normal', reason: 'Pulled', message, fieldPath })
  container.status = { ...container.status, imageID: imageId(image) }
}

function imageId(image: string): string {
  const digest = createHash('sha256').update(image).digest('hex')
  return `${image.replace(/@.*$/, '').replace(/:[^/:]*$/, '')}@sha256:${digest}`
}

async function badName(scene: Scene): Promise<never> {
  const { actor, container, rule } = scene
  const { image } = container.spec
  const message = rule?.message ?? `Failed to apply default image tag "${image}": invalid reference format`
  const fieldPath = fieldOf(container)
  await waits(scene, 'InvalidImageName', message)
  for (;;) {
    actor.event({ type: 'Warning', reason: 'InspectFailed', message, fieldPath })
    actor.event({ type: 'Warning', reason: 'Failed', message: 'Error: InvalidImageName', fieldPath })
    await actor.wait(syncSeconds)
  }
}

async function failedPull(scene: Scene, turn: number): Promise<void> {
  const { actor, container, rule } = scene
  const { image } = container.spec
  const fieldPath = fieldOf(container)
  const why = rule?.message ?? `failed to pull and unpack image "${image}"`
  const warn = (reason: string, message: string) => actor.event({ type: 'Warning', reason, message, fieldPath })
  actor.event({ type: 'Normal', reason: 'Pulling', message: `Pulling image "${image}"`, fieldPath })
  await actor.wait(failSeconds)
  warn('Failed', `Failed to pull image "${image}": ${why}`)
  warn('Failed', 'Error: ErrImagePull')
  await waits(scene, 'ErrImagePull', why)
  await actor.wait(toBackOffSeconds)
  const back = `Back-off pulling image "${image}"`
  actor.event({ type: 'Normal', reason: 'BackOff', message: back, fieldPath })
  warn('Failed', 'Error: ImagePullBackOff')
  await waits(scene, 'ImagePullBackOff', `${back}: ErrImagePull: ${why}`)
  await actor.wait(backOff(turn))
}
