/**
 * What a failed pull of an image means: a tag that is not there, a registry that wants another login, or a network that
 * may be back in a minute. Texts are those of containerd, CRI-O and docker. What belongs to the image or the registry by
 * name is taken out first: a tag may be called 429.
 *
 * @module
 */
import { short, type Trouble } from './trouble.ts'

/** The node tries these again, and it may help. */
const passing =
  /timeout|timed? ?out|deadline ?exceeded|connection (?:reset|refused)|reset by peer|broken pipe|no route to host|network is unreachable|no such host|server misbehaving|temporary failure|too many requests|toomanyrequests|rate limit|pull QPS exceeded|unexpected EOF|\bEOF$|\b(?:429|50[0234])\b|service unavailable|bad gateway|internal server error|no space left|context canceled/i
const denied =
  /unauthori[sz]ed|authori[sz]ation failed|failed to authori[sz]e|authentication required|require authori[sz]ation|access (?:to the resource is )?(?:denied|forbidden)|\bdenied\b|forbidden|no basic auth|invalid username|incorrect username|\b40[13]\b|signature|insufficient_scope/i
const missing =
  /not ?found|manifest unknown|no such (?:manifest|image)|name unknown|unknown(?:: | )?(?:manifest|repository)|does not exist|\b404\b/i
const malformed = /invalid reference format|could(?:n't| not) parse image|must be lowercase|invalid image name/i
const platform = /no match(?:ing manifest)? for (?:platform|\S+\/\S+)|does not match the specified platform/i

/**
 * Judges the kubelet's words about a pull.
 *
 * @param image - as the pod's spec names it
 */
export function pullTrouble(image: string, words: string): Omit<Trouble, 'evidence'> {
  const bare = withoutNames(words, image)
  if (malformed.test(bare)) return badName(image, words)
  if (platform.test(bare)) return wrongPlatform(image)
  if (!passing.test(bare) && denied.test(bare))
    return {
      word: 'failed',
      code: 'IMAGE_AUTH',
      says: `the registry refuses to hand out the image ${image} (authorization failed)`,
      hint: 'Look at the imagePullSecrets of the pod; a registry may also say this of a repository that does not exist.',
    }
  if (!passing.test(bare) && missing.test(bare))
    return {
      word: 'failed',
      code: 'IMAGE_NOT_FOUND',
      says: `the image ${image} was not found`,
      hint: `${tagOf(image)} does not exist, or the pull secret is missing. Has CI pushed it?`,
    }
  return {
    word: 'waiting',
    code: 'IMAGE_PULL',
    says: `the image ${image} could not be pulled yet: ${short(/ErrImagePull: (.*)$/s.exec(words)?.[1] ?? words)}`,
    hint: 'The node tries again by itself; look at the registry and the way to it.',
  }
}

/** An image whose name no registry will ever be asked for. */
export function badName(image: string, words: string): Omit<Trouble, 'evidence'> {
  return {
    word: 'failed',
    code: 'IMAGE_NAME',
    says: `${image} is no valid name of an image (InvalidImageName)${/lowercase/.test(words) ? ': it must be lower case' : ''}`,
    hint: 'Mend the image in the values: lower case, REPOSITORY:TAG, no slash in the tag.',
  }
}

/** An image that may only be used where it lies already, and does not. */
export function neverPulled(image: string): Omit<Trouble, 'evidence'> {
  return {
    word: 'failed',
    code: 'IMAGE_NOT_FOUND',
    says: `the image ${image} is not on the node, and its imagePullPolicy is Never`,
    hint: 'Let it be pulled (imagePullPolicy: IfNotPresent), or load it on each node.',
  }
}

function wrongPlatform(image: string): Omit<Trouble, 'evidence'> {
  return {
    word: 'failed',
    code: 'IMAGE_NOT_FOUND',
    says: `the image ${image} was not found for the platform of its node`,
    hint: 'Build it for the nodes’ processor as well, or select nodes that it was built for.',
  }
}

/** Without addresses, quoted names and the image itself. What mirrors said is no word about the image. */
function withoutNames(words: string, image: string): string {
  const colon = image.lastIndexOf(':')
  const tag = colon > image.lastIndexOf('/') ? image.slice(colon + 1) : ''
  const name = tag === '' ? image : image.slice(0, colon)
  const known = [image, name, name.slice(name.indexOf('/') + 1)].filter((one) => one.length > 1)
  const free = known.reduce(
    (text, one) => text.replaceAll(one, ' '),
    words.replace(/\(Mirrors also failed: \[.*?\]\)/gs, ' ').replace(/[a-z][a-z0-9+.-]*:\/\/[^\s",]+/gi, ' '),
  )
  const plain =
    tag === '' ? free : free.replaceAll(new RegExp(`(^|[\\s":/])${RegExp.escape(tag)}(?=[\\s":,]|$)`, 'g'), '$1')
  return plain.replace(/\[?[\da-f:.]*\d\]?:\d+/gi, ' ')
}

function tagOf(image: string): string {
  const colon = image.lastIndexOf(':')
  return colon > image.lastIndexOf('/')
    ? `The tag ${image.slice(colon + 1)} of ${image.slice(0, colon)}`
    : `The image ${image}`
}
