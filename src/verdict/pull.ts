/**
 * What a failed pull of an image means: a tag that is not there, a registry that wants another login, or a network that
 * may be back in a minute. Texts are those of containerd, CRI-O and dockershim.
 *
 * @module
 */
import type { Trouble } from './pod-trouble.ts'

const missing = /not found|manifest unknown|NotFound|no such manifest|name unknown|does not exist/i
const denied =
  /unauthorized|authorization failed|authentication required|access (?:to the resource is )?denied|denied:|forbidden|no basic auth|40[13] /i
const passing =
  /timeout|timed out|deadline exceeded|connection re(?:set|fused)|no such host|too many requests|429|50[0234]|unexpected EOF|i\/o/i

/** Judges the kubelet's words about a pull. */
export function pullTrouble(image: string, words: string): Omit<Trouble, 'evidence'> {
  if (denied.test(words))
    return {
      word: 'failed',
      code: 'IMAGE_AUTH',
      says: `the registry refuses to hand out the image ${image} (authorization failed)`,
      hint: 'Look at the imagePullSecrets of the pod; a registry may also say this of a repository that does not exist.',
    }
  if (missing.test(words) && !(passing.test(words) && !/not found$/i.test(words.trim())))
    return {
      word: 'failed',
      code: 'IMAGE_NOT_FOUND',
      says: `the image ${image} was not found`,
      hint: `${tagOf(image)} does not exist, or the pull secret is missing. Has CI pushed it?`,
    }
  const why = /ErrImagePull: (.*)$/.exec(words)?.[1] ?? words
  return {
    word: 'waiting',
    code: 'IMAGE_PULL',
    says: `the image ${image} could not be pulled yet: ${why.trim().slice(0, 300)}`,
    hint: 'The node tries again by itself; look at the registry and the way to it.',
  }
}

function tagOf(image: string): string {
  const colon = image.lastIndexOf(':')
  return colon > image.lastIndexOf('/')
    ? `The tag ${image.slice(colon + 1)} of ${image.slice(0, colon)}`
    : `The image ${image}`
}
