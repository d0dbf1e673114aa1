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
  readonly clock: Pick<Clock, 'now'>
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
const readsPerMinute = 6

/** Makes the finder of an issuer's keys; asks nothing before the first token. */
export function issuerKeys(issuer: Issuer, { fetchJson, clock, warn }: KeysOptions): KeyFinder {
  const reads = tries(() => readsPerMinute, clock)
  let kept: { readonly keys: KeySet; readonly at: number } | undefined
  let reading: Promise<boolean> | undefined
  let isDown = false

  const read = async (): Promise<boolean> => {
    if (reads.spend('') > 0) return false
    try {
      kept = { keys: createLocalJWKSet(keysOf(await fetchJson(await addressOf(issuer, fetchJson)))), at: clock.now() }
      isDown = false
      return true
    } catch (error) {
      isDown = true
      warn(
        `the keys of the issuer ${issuer.name} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      )
      return false
    }
  }
  const renew = (): Promise<boolean> => {
    reading ??= read().finally(() => {
      reading = undefined
    })
    return reading
  }

  return async (header, token) => {
    const ageMs = kept === undefined ? Infinity : clock.now() - kept.at
    if (ageMs > staleMs && !(await renew())) throw down(issuer)
    if (ageMs > freshMs && ageMs <= staleMs) void renew()
    if (kept === undefined) throw down(issuer)
    try {
      return await kept.keys(header, token)
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error
      // A key that nobody has seen yet: the issuer may have changed its keys since.
      if (await renew()) return kept.keys(header, token)
      throw isDown ? down(issuer) : error
    }
  }
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

function down({ name }: Issuer): MgoError {
  return new MgoError({
    code: 'ISSUER_UNREACHABLE',
    message: `the keys of the issuer ${name} cannot be read, so its tokens cannot be checked`,
    hint: 'Send the request again in a while; the server’s log has the cause.',
  })
}
