/**
 * Containers that a node cannot make: something they read is missing, or the runtime refuses them as they are written.
 *
 * @module
 */
import type { K8sObject } from '../release/object.ts'
import type { Told } from './events.ts'
import { itCame, missingIn, stillMissing } from './missing.ts'
import { type Scene, short, type Trouble } from './trouble.ts'

/** What waiting mends: caches that are not filled yet, a runtime that is busy. */
const passing =
  /deadline exceeded|timeout|timed out|is reserved|failed to sync|not yet been read|device or resource busy|connection refused|context canceled|no space left/i
/** What is written into the pod or the image, and stays. */
const final =
  /no command specified|runAsNonRoot|runAsUser|non-numeric user|unable to find user|no matching entries in passwd|executable file not found|no such file or directory|not a directory|permission denied|invalid|must be|is not allowed|unsupported|unknown capability|conflict/i
/** Tried this often, it is no accident. */
const enough = 5

/** A thing that a container or a volume reads and that is not there. */
export function missingThing(
  message: string,
  pod: K8sObject,
  scene: Scene,
): Pick<Trouble, 'word' | 'asks'> | undefined {
  const missing = missingIn(message, pod)
  if (missing === undefined) return undefined
  return { word: stillMissing(missing, scene), asks: [missing.id] }
}

type Creation = { readonly container: string; readonly message: string; readonly told: readonly Told[] }

/** Judges CreateContainerConfigError and CreateContainerError. */
export function createTrouble(
  { container, message, told }: Creation,
  pod: K8sObject,
  scene: Scene,
): Omit<Trouble, 'evidence'> {
  const says = `the container ${container} cannot be made: ${short(message)}`
  const missing = missingThing(message, pod, scene)
  if (missing !== undefined)
    return {
      ...missing,
      code: 'CONFIG_MISSING',
      says: missing.word === 'failed' ? says : `${says}${itCame}`,
      hint: 'Create what is missing, or mend the reference to it, and deploy again.',
    }
  const tries = told
    .filter((one) => one.reason === 'Failed' && one.message.includes(message))
    .reduce((sum, one) => sum + one.times, 0)
  const isEnd = !passing.test(message) && (final.test(message) || tries >= enough)
  return {
    word: isEnd ? 'failed' : 'waiting',
    code: 'CREATE_ERROR',
    says,
    hint: 'The node refuses this container as it is written: mend its securityContext, command or mounts.',
  }
}
