/**
 * An image as a deploy names it: repository and tag, or digest, or both.
 *
 * The grammars are those of github.com/distribution/reference and the OCI distribution spec; a registry port is part of
 * the repository. Every expression is linear in the text, and the text is capped before it is matched.
 *
 * @module
 */
import type { Problem } from '../error.ts'

export type Image = {
  readonly repository: string
  readonly tag: string | undefined
  readonly digest: string | undefined
}

export type ParsedImage =
  | { readonly kind: 'ok'; readonly image: Image }
  | { readonly kind: 'refused'; readonly problem: Problem }

const tagGrammar = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/
const digestGrammar = /^sha256:[0-9a-f]{64}$/
const part = /^[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*$/
const host =
  /^(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?){0,20}|\[[0-9a-fA-F:]{2,45}\])(?::[0-9]{1,5})?$/

/** Whether a text is a tag of the OCI grammar. */
export function isTag(text: string): boolean {
  return tagGrammar.test(text)
}

/** Whether a text is a sha256 digest. */
export function isDigest(text: string): boolean {
  return digestGrammar.test(text)
}

/** Whether a text is a repository: an optional host with an optional port, then lower-case path parts; 255 characters at most. */
export function isRepository(text: string): boolean {
  if (text.length === 0 || text.length > 255) return false
  const [first = '', ...rest] = text.split('/')
  const isHost = rest.length > 0 && (/[.:[]/.test(first) || first === 'localhost' || first !== first.toLowerCase())
  const path = isHost ? rest : [first, ...rest]
  return (!isHost || host.test(first)) && path.every((one) => part.test(one))
}

/**
 * Reads `repository:tag`, `repository@sha256:…` or `repository:tag@sha256:…`. A colon before a slash is a port.
 *
 * @example
 * ```ts
 * parseImage('localhost:5000/app:1.2') // { kind: 'ok', image: { repository: 'localhost:5000/app', tag: '1.2', digest: undefined } }
 * ```
 */
export function parseImage(text: string): ParsedImage {
  if (text.length > 512) return refused('the image is longer than 512 characters', 'An image is REPOSITORY:TAG.')
  const shown = JSON.stringify(text)
  const at = text.indexOf('@')
  const digest = at < 0 ? undefined : text.slice(at + 1)
  const name = at < 0 ? text : text.slice(0, at)
  const colon = name.lastIndexOf(':')
  const hasTag = colon > name.lastIndexOf('/')
  const repository = hasTag ? name.slice(0, colon) : name
  const tag = hasTag ? name.slice(colon + 1) : undefined
  if (!isRepository(repository))
    return refused(
      `${shown} names no valid image repository`,
      'A repository is written in lower case, such as quay.io/acme/shop or localhost:5000/shop.',
    )
  if (tag !== undefined && !isTag(tag))
    return refused(
      `${shown} has no valid tag`,
      'A tag has up to 128 letters, digits, dots, dashes and underscores, and begins with none of . and -.',
    )
  if (digest !== undefined && !isDigest(digest))
    return refused(`${shown} has no valid digest`, 'A digest is sha256: and 64 hexadecimal digits in lower case.')
  if (tag === undefined && digest === undefined)
    return refused(`${shown} has neither tag nor digest`, `Write ${repository}:latest if that is what you mean.`)
  return { kind: 'ok', image: { repository, tag, digest } }
}

/** `repository:tag@digest`, without what is not there. */
export function printImage({ repository, tag, digest }: Image): string {
  return `${repository}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`
}

function refused(message: string, hint: string): ParsedImage {
  return { kind: 'refused', problem: { code: 'IMAGE_INVALID', message, hint } }
}
