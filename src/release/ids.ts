/**
 * The names everything speaks in, branded so that one is never taken for another.
 *
 * @module
 */
declare const brand: unique symbol
type Branded<Name extends string> = string & { readonly [brand]: Name }

/** A full git object id of a commit, 40 or 64 hex digits. */
export type Commit = Branded<'Commit'>
/** A cluster's name: the folder below `installations/`. */
export type Cluster = Branded<'Cluster'>
/** A ULID: 26 letters of Crockford's base 32, the time first. */
export type RequestId = Branded<'RequestId'>

/** Reads a commit id, or gives `undefined`. */
export function parseCommit(text: string): Commit | undefined {
  return /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text) ? (text as Commit) : undefined
}

/**
 * Reads a cluster's name, or gives `undefined`. It becomes a folder name, so it may hold no slash, no
 * control character, no leading dot or dash and no dot at its end. Kubeconfig contexts such as `gke_acme_prod`,
 * `arn:aws:eks:eu-west-1:1:cluster`, `admin@prod` are legal.
 */
export function parseCluster(text: string): Cluster | undefined {
  return /^[A-Za-z0-9_](?:[A-Za-z0-9_.:@+-]{0,251}[A-Za-z0-9_:@+-])?$/.test(text) ? (text as Cluster) : undefined
}

/** Reads a ULID, or gives `undefined`. */
export function parseRequestId(text: string): RequestId | undefined {
  return /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/.test(text) ? (text as RequestId) : undefined
}

const letters = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/**
 * Makes a ULID (github.com/ulid/spec).
 *
 * @param atMs - milliseconds since the epoch
 * @param chance - 16 random bytes
 */
export function requestId(atMs: number, chance: Uint8Array): RequestId {
  let time = ''
  for (let rest = atMs, i = 0; i < 10; i++, rest = Math.floor(rest / 32)) time = letters[rest % 32] + time
  const random = [...chance.subarray(0, 16)].map((byte) => letters[byte % 32]).join('')
  return (time + random) as RequestId
}
