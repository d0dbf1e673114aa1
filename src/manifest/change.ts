/**
 * One request and the values files of its cluster → the new files, the releases they belong to, and the message.
 *
 * @module
 */
import { matchesAny } from '../access/pattern.ts'
import type { Problem } from '../error.ts'
import type { Release } from '../release/release.ts'
import type { DeployRequest } from '../release/request.ts'
import { setImageIn } from './edit.ts'
import { type HeaderInput, parseHeader, readHeader, releaseIn } from './header.ts'
import { placeOfPath } from './layout.ts'
import { deployMessage } from './message.ts'
import { nearest } from './nearest.ts'

export type Change =
  | {
      readonly kind: 'changed'
      readonly files: ReadonlyMap<string, Uint8Array>
      readonly releases: readonly Release[]
      readonly message: string
    }
  | { readonly kind: 'unchanged'; readonly releases: readonly Release[] }
  | { readonly kind: 'refused'; readonly problems: readonly Problem[] }

/** Makes the change of one request. A broken file that does not name the source hurts nobody. */
export function change(request: DeployRequest, files: ReadonlyMap<string, Uint8Array>): Change {
  const changed = new Map<string, Uint8Array>()
  const releases: Release[] = []
  const problems: Problem[] = []
  for (const [path, bytes] of files) {
    if (!mayName(bytes, request.source)) continue
    const header = readHeader(path, bytes)
    if (header.kind === 'none') continue
    const edit = header.kind === 'header' ? setImageIn(header, request.source, request.image) : header
    if (edit.kind === 'absent') continue
    if (edit.kind === 'refused') {
      problems.push(...edit.problems)
      continue
    }
    const release = header.kind === 'header' ? releaseIn(header, inputOf(path, request)) : header
    if (release.kind === 'refused') problems.push(...release.problems)
    if (release.kind === 'release') releases.push(release.release)
    if (edit.kind === 'changed') changed.set(path, edit.bytes)
  }
  if (problems.length > 0) return { kind: 'refused', problems }
  if (releases.length === 0) return { kind: 'refused', problems: [unknownSource(request, files)] }
  const outside = releases.find((one) => !reaches(request, one))
  if (outside !== undefined) return { kind: 'refused', problems: [outOfBounds(request, outside)] }
  if (changed.size === 0) return { kind: 'unchanged', releases }
  return { kind: 'changed', files: changed, releases, message: deployMessage(request, releases) }
}

/** Here and not earlier: which releases a source feeds is only known from the very files that are edited. */
function reaches({ releases }: DeployRequest, { namespace, name }: Release): boolean {
  return releases === undefined || matchesAny(releases, `${namespace}/${name}`)
}

function outOfBounds({ rule, source, cluster }: DeployRequest, { namespace, name }: Release): Problem {
  return {
    code: 'FORBIDDEN',
    message: `${source} also feeds ${namespace}/${name} on ${cluster}, which the rule "${rule ?? ''}" does not allow`,
    hint: 'Nothing was committed. Add the release to the rule, or give it a source of its own.',
  }
}

function inputOf(path: string, { cluster }: DeployRequest): Omit<HeaderInput, 'bytes'> {
  const place = placeOfPath(path)
  return { path, cluster, name: place.kind === 'values' ? place.name : '', allowRanges: true }
}

/**
 * Whether a file can name a source at all, without parsing it. A key is either written as it is, or with an escape
 * inside double quotes, and an escape needs a backslash; a source has no space, so no line can be folded inside it.
 */
export function mayName(bytes: Uint8Array, source: string): boolean {
  const { text, hasEscapes } = lookedAt(bytes)
  return hasEscapes || text.includes(source)
}

type Look = { readonly text: string; readonly hasEscapes: boolean }

/** A batch looks at each file once for each of its requests. Nobody writes into bytes that were read. */
const looks = new WeakMap<Uint8Array, Look>()

function lookedAt(bytes: Uint8Array): Look {
  const known = looks.get(bytes)
  if (known !== undefined) return known
  const text = new TextDecoder().decode(bytes)
  const look = { text, hasEscapes: text.includes('\\') }
  looks.set(bytes, look)
  return look
}

function unknownSource(request: DeployRequest, files: ReadonlyMap<string, Uint8Array>): Problem {
  const sources = new Set<string>()
  for (const [path, bytes] of files) {
    const parsed = parseHeader({ ...inputOf(path, request), bytes })
    if (parsed.kind === 'release') for (const slot of parsed.release.images) sources.add(slot.source)
  }
  const known = nearest(request.source, [...sources], 10)
  return {
    code: 'SOURCE_UNKNOWN',
    message: `no values file of ${request.cluster} names the source ${request.source}`,
    hint:
      known.length === 0
        ? 'No values file of this cluster has images in its header yet.'
        : `It has, nearest first: ${known.join(', ')}.`,
  }
}
