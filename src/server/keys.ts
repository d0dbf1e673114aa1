/**
 * The public keys of one issuer, kept and renewed. Only addresses of the settings are asked, and what the issuer's own
 * discovery document names on its own host: a token can name no address. An outage keeps the keys that were there.
 *
 * @module
 */
import { createLocalJWKSet, errors, type FlattenedJWSInput, type JSONWebKeySet, type JWSHeaderParameters } from 'jose'
import type { Issuer } from '../access/issuer.ts'
import { MgoError } from '../error.ts'
import type { Clock } from '../ports.ts'
import { tries } from './tries.ts'

/** Reads JSON from an address: no redirects, bounded in size and time. Rejects where there is none. */
export type FetchJson = (url: string) => Promise<unknown>

export type KeysOptions = {
  readonly fetchJson: FetchJson
  readonly clock: Pick<Clock, 'now' | 'sleep'>
  readonly warn: (text: string) => void
}

/** Finds the key of a signature. Throws what jose throws for an unknown key, or ISSUER_UNREACHABLE. */
export type KeyFinder = (header: JWSHeaderParameters, token: FlattenedJWSInput) => ReturnType<KeySet>
type KeySet = ReturnType<typeof createLocalJWKSet>

/** After this long the keys are read again, beside the requests: a key that was withdrawn must not count for ever. */
const freshMs = 10 * 60_000
/** Longer than this nobody lives on what an outage left. */
const staleMs = 24 * 60 * 60_000
/** Reads a minute at most, whatever key ids are sent. */
const readsPerMinute = 12
/** Tokens that may wait for the next read at once: anybody can make some, and each holds a connection. */
const mostWaiting = 200

/** Makes the finder of an issuer's keys; asks nothing before the first token. */
export function issuerKeys(issuer: Issuer, options: KeysOptions): KeyFinder {
  const { clock } = options
  const reader = openReader(issuer, options)
  return async (header, token) => {
    const ageMs = reader.kept === undefined ? Infinity : clock.now() - reader.kept.at
    if (ageMs > staleMs && !(await reader.newest())) throw down(issuer)
    if (ageMs > freshMs && ageMs <= staleMs) void reader.renew()
    if (reader.kept === undefined) throw down(issuer)
    try {
      return await reader.kept.keys(header, token)
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error
      // A key that nobody has seen yet: the issuer may have changed its keys since.
      if (await reader.newest()) return reader.kept.keys(header, token)
      throw down(issuer)
    }
  }
}

type Reader = {
  /** What the last read that went well gave. */
  kept: { readonly keys: KeySet; readonly at: number } | undefined
  /** Reads once more, as soon as there may be a read; tells whether it went well. */
  readonly renew: () => Promise<boolean>
  /** The same for a token that waits for it. Throws ISSUER_UNREACHABLE where nobody may wait. */
  readonly newest: () => Promise<boolean>
}

function openReader(issuer: Issuer, { fetchJson, clock, warn }: KeysOptions): Reader {
  const reads = tries(() => readsPerMinute, clock)
  let reading: Promise<boolean> | undefined
  let [isDown, waiting] = [false, 0]
  const read = async (): Promise<boolean> => {
    try {
      const found = keysOf(await fetchJson(await addressOf(issuer, fetchJson)))
      reader.kept = { keys: createLocalJWKSet(found), at: clock.now() }
      isDown = false
    } catch (error) {
      isDown = true
      const why = error instanceof Error ? error.message : String(error)
      warn(`the keys of the issuer ${issuer.name} cannot be read: ${why}`)
    }
    return !isDown
  }
  const renew = async (): Promise<boolean> => {
    await clock.sleep(reads.wait(''))
    reads.spend('')
    return read()
  }
  const reader: Reader = {
    kept: undefined,
    // Who comes while one waits shares it: forged key ids use reads up, but an honest one gets the next.
    renew: () => {
      reading ??= renew().finally(() => {
        reading = undefined
      })
      return reading
    },
    newest: async () => {
      const waitMs = reads.wait('')
      if (waitMs > 0 && (isDown || waiting >= mostWaiting)) throw down(issuer, waitMs)
      waiting++
      return reader.renew().finally(() => waiting--)
    },
  }
  return reader
}

/** Issuers whose keys are on another host of theirs, as their own documentation says. */
const elsewhere: Readonly<Record<string, string>> = {
  'https://accounts.google.com': 'https://www.googleapis.com/oauth2/v3/certs',
}

async function addressOf({ issuer, jwks = elsewhere[issuer] }: Issuer, fetchJson: FetchJson): Promise<string> {
  if (jwks !== undefined) return jwks
  const found = await fetchJson(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`)
  const { issuer: own, jwks_uri: address } = (found ?? {}) as Readonly<Record<string, unknown>>
  if (own !== issuer) throw new Error('its discovery document is for another issuer')
  if (typeof address !== 'string' || !URL.canParse(address)) throw new Error('its discovery document names no keys')
  if (new URL(address).origin !== new URL(issuer).origin)
    throw new Error('its keys are on another host; if that is right, name them with jwks: in the settings')
  return address
}

function keysOf(found: unknown): JSONWebKeySet {
  const { keys } = (found ?? {}) as { readonly keys?: unknown }
  if (!Array.isArray(keys) || keys.length > 100) throw new Error('this is no set of keys')
  return { keys: keys as JSONWebKeySet['keys'] }
}

function down({ name }: Issuer, retryAfterMs?: number): MgoError {
  return new MgoError(
    {
      code: 'ISSUER_UNREACHABLE',
      message: `the keys of the issuer ${name} cannot be read now, so its tokens cannot be checked`,
      hint: 'Send the request again in a while; the server’s log has the cause.',
    },
    retryAfterMs === undefined ? {} : { retryAfterMs },
  )
}
