/**
 * Every secret that mgo was ever given, so that none of them gets out again: logs, answers, events, errors, chats and
 * the audit trail all pass through `hide`. It works by value, because a value gets into texts that nobody foresaw, such
 * as what helm says of a template that fails.
 *
 * @module
 */
export type Secrets = {
  /** Passwords, tokens, keys: what opens something. From four letters on. */
  credential(...texts: readonly (string | undefined)[]): void
  /** What lies in a Secret or a secrets file. From six letters on: shorter ones are words, and would take half a text with them. */
  values(texts: Iterable<string>): void
  /** The text, or the strings in any JSON, without secrets. Names, which no secret can be, are kept as they are. */
  readonly hide: Hide
}

export type Hide = <T>(value: T) => T

const shortest = 4
const shortestValue = 6
/** The last ones count: a server that reads new secrets for years must not grow for ever. */
const mostCredentials = 10_000
const mostValues = 50_000
const covered = '***'

/** What is a secret whatever its value is: a login in an address, a header that proves who calls, a signed token, a key. */
const shapes: readonly (readonly [RegExp, string])[] = [
  [/(\/\/)(?!git@)[^/@\s"'\\]+@/g, `$1${covered}@`],
  [/\b(Bearer|Basic) +(?=[\w.~+/=-]*[\d.=_-])[\w.~+/=-]{8,}/gi, `$1 ${covered}`],
  [/\beyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*/g, covered],
  [/(hooks\.slack\.com\/)[\w/-]+/g, `$1${covered}`],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/gs, covered],
]

/** Makes a register that knows nothing yet. */
export function openSecrets(): Secrets {
  const known: Known = { byHead: new Map(), pairs: new Uint8Array(2 ** 16) }
  const credentials = pool(known, mostCredentials)
  const values = pool(known, mostValues)
  const hideText = (text: string): string =>
    shapes.reduce((rest, [shape, instead]) => rest.replace(shape, instead), cover(text, known))
  return {
    credential: (...texts) => {
      for (const text of texts) if (text !== undefined) credentials(text, shortest)
    },
    values: (texts) => {
      for (const text of texts) values(text, shortestValue)
    },
    hide: <T>(value: T) => hideIn(value, hideText) as T,
  }
}

/** By their first letters, so that a text is gone through once, however many there are. */
type Known = {
  readonly byHead: Map<string, Set<string>>
  /** Marks the pairs of letters that some secret begins with: at most places of a text none does, and that is all to ask. */
  readonly pairs: Uint8Array
}

function pairAt(text: string, at: number): number {
  return ((text.charCodeAt(at) << 8) ^ text.charCodeAt(at + 1)) & 0xffff
}

/** Learns secrets, and lets go of the oldest over `most`. */
function pool(known: Known, most: number): (text: string, least: number) => void {
  const order = new Set<string>()
  const learn = (text: string): void => {
    if (order.has(text)) return
    order.add(text)
    const head = text.slice(0, shortest)
    known.byHead.set(head, (known.byHead.get(head) ?? new Set()).add(text))
    known.pairs[pairAt(text, 0)] = 1
    if (order.size <= most) return
    const [oldest = ''] = order
    order.delete(oldest)
    known.byHead.get(oldest.slice(0, shortest))?.delete(oldest)
  }
  return (text, least) => {
    if (text.trim().length >= least) for (const form of forms(text)) learn(form)
  }
}

/** A secret as it is, as it stands in JSON, in an address, in base64; and line by line, since errors join lines. */
function forms(text: string): ReadonlySet<string> {
  const trimmed = text.trim()
  const inJson = JSON.stringify(trimmed).slice(1, -1)
  const lines = trimmed.includes('\n') ? trimmed.split('\n').map((line) => line.trim()) : []
  const kept = lines.filter((line) => line.length >= 12 && !/^-----(?:BEGIN|END) [A-Z ]+-----$/.test(line))
  return new Set([trimmed, inJson, encodeURIComponent(trimmed.toWellFormed()), ...base64(text, trimmed), ...kept])
}

function base64(...texts: readonly string[]): readonly string[] {
  return texts.flatMap((text) => {
    const packed = new TextEncoder().encode(text).toBase64()
    return [packed, packed.replace(/=+$/, ''), packed.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')]
  })
}

/** Covers all secrets; where two overlap, both. */
function cover(text: string, known: Known): string {
  let shown = ''
  let from = 0
  for (let at = 0; at + shortest <= text.length; at++) {
    let end = ending(text, at, known)
    if (end === at) continue
    for (let next = at + 1; next < end; next++) end = Math.max(end, ending(text, next, known))
    shown += text.slice(from, at) + covered
    from = end
    at = end - 1
  }
  return from === 0 ? text : shown + text.slice(from)
}

/** Where the longest secret that begins at `at` ends; `at` where none does. */
function ending(text: string, at: number, known: Known): number {
  let end = at
  if (known.pairs[pairAt(text, at)] === 0) return end
  for (const secret of known.byHead.get(text.slice(at, at + shortest)) ?? [])
    if (at + secret.length > end && text.startsWith(secret, at)) end = at + secret.length
  return end
}

/**
 * Fields whose words are the repo's, the request's or our own names. A Secret may hold `user: payments` on a cluster with
 * a release `payments`, and callers find things by these.
 */
const names: ReadonlySet<string> = new Set(
  'id ids kind cluster commit verdict code release unit file files type title status object supersededBy image author'.split(
    ' ',
  ),
)

function hideIn(value: unknown, hideText: (text: string) => string): unknown {
  if (typeof value === 'string') return hideText(value)
  if (Array.isArray(value)) {
    const all = value.map((one) => hideIn(one, hideText))
    return all.some((one, i) => one !== value[i]) ? all : value
  }
  if (!isRecord(value)) return value
  // Most of what passes here hides nothing, and need not be built anew.
  let copy: Record<string, unknown> | undefined
  for (const key of Object.keys(value)) {
    const one = value[key]
    const hidden = isName(key, value) ? one : hideIn(one, hideText)
    // In a spread even __proto__ is a field like the others.
    if (hidden !== one) (copy ??= { ...value })[key] = hidden
  }
  return copy ?? value
}

/** `source` is a name in a request; in a place it is the whole line of a file. */
function isName(key: string, within: Readonly<Record<string, unknown>>): boolean {
  if (key === 'request') return true
  if (isRecord(within[key])) return false
  return names.has(key) || (key === 'source' && !('line' in within))
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false
  const shape: unknown = Object.getPrototypeOf(value)
  return shape === Object.prototype || shape === null
}
