/**
 * The public keys of one issuer, kept and renewed. Only addresses of the settings are asked, and what the issuer's own
 * discovery document names on its own host: a token can name no address. An outage keeps the keys that were there.
 *
 * @module
 */
import { createLocalJWKSet, errors, type FlattenedJWSInput, type JSONWebKeySet, type JWSHeaderParameters } from 'jose'
import type { Issuer } from '../access/issuer.ts'
import { MgoError, messageOf } from '../error.ts'
import type { Clock } from '../ports.ts'
import { tries } from './tries.ts'

/** Reads JSON from an address: no redirects, bounded in size and time. Rejects where there is none. */
export type FetchJson = (url: string) => Promise<unknown>

export type KeysOptions = {
  readonly fetchJson: FetchJson
  readonly clock: Pick<Clock, 'now' | 'sleep'>
  readonly warn: (text: string) => void
}

/** Finds the key of a signature. Throws what jose throws for an unknown key, ISSUER_UNREACHABLE, or OVERLOADED. */
export type KeyFinder = (header: JWSHeaderParameters, token: FlattenedJWSInput) => ReturnType<KeySet>
type KeySet = ReturnType<typeof createLocalJWKSet>

/** After this long the keys are read again, beside the requests: a key that was withdrawn must not count for ever. */
const freshMs = 10 * 60_000
/** Longer than this nobody lives on what an outage left. */
const staleMs = 24 * 60 * 60_000
/**
 * Reads a minute at most, whatever key ids are sent. Who finds none left waits for the next, five seconds at most: forged
 * key ids must not have a token refused whose key is new.
 */
const readsPerMinute = 12
/** Who waits for it at once: more are told to come again when it is over, so that no crowd of forged ones is held. */
const mostWaiting = 50

type Kept = { readonly keys: KeySet; readonly at: number }

/** Makes the finder of an issuer's keys; asks nothing before the first token. */
export function issuerKeys(issuer: Issuer, options: KeysOptions): KeyFinder {
  const { clock } = options
  let kept: Kept | undefined
  let waiting = 0
  const reads = pacedReads(issuer, options, (keys) => {
    kept = { keys, at: clock.now() }
  })

  return async (header, token) => {
    const ageMs = kept === undefined ? Infinity : clock.now() - kept.at
    if (ageMs > staleMs && !(await (reads.underWay() ?? reads.renew()))) throw down(issuer)
    if (ageMs > freshMs && ageMs <= staleMs && reads.underWay() === undefined) void reads.renew()
    if (kept === undefined) throw down(issuer)
    try {
      return await kept.keys(header, token)
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error
      // A key that nobody has seen yet: the issuer may have changed its keys since.
      const read = reads.renew()
      // Whoever is sent away finds what this read brings.
      if (waiting >= mostWaiting) throw crowded(issuer)
      waiting++
      if (await read.finally(() => waiting--)) return kept.keys(header, token)
      throw reads.isDown() ? down(issuer) : error
    }
  }
}

type Reads = {
  /** Resolves after a read that began later than this call: `false` where it brought no keys. Never rejects. */
  renew(): Promise<boolean>
  readonly underWay: () => Promise<boolean> | undefined
  readonly isDown: () => boolean
}

/** One read at a time; all who wait for the next one share it. */
function pacedReads(issuer: Issuer, { fetchJson, clock, warn }: KeysOptions, keep: (keys: KeySet) => void): Reads {
  const budget = tries(() => readsPerMinute, clock)
  let reading: Promise<boolean> | undefined
  let next: Promise<boolean> | undefined
  let isDown = false

  const read = async (): Promise<boolean> => {
    budget.spend('')
    try {
      keep(createLocalJWKSet(keysOf(await fetchJson(await addressOf(issuer, fetchJson)))))
      isDown = false
    } catch (error) {
      isDown = true
      const why = messageOf(error)
      warn(`the keys of the issuer ${issuer.name} cannot be read: ${why}`)
    }
    return !isDown
  }
  const begin = async (): Promise<boolean> => {
    await reading
    const waitMs = budget.wait('')
    if (waitMs > 0 && !isDown) await clock.sleep(waitMs)
    next = undefined
    if (waitMs > 0 && isDown) return false
    reading = read().finally(() => {
      reading = undefined
    })
    return reading
  }
  return { renew: () => (next ??= begin()), underWay: () => reading, isDown: () => isDown }
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

function crowded({ name }: Issuer): MgoError {
  return new MgoError(
    {
      code: 'OVERLOADED',
      message: `too many identity tokens wait for new keys of the issuer ${name}`,
      hint: 'Send the request again in a few seconds: the keys are read meanwhile.',
    },
    { retryAfterMs: 60_000 / readsPerMinute },
  )
}

function down({ name }: Issuer): MgoError {
  return new MgoError({
    code: 'ISSUER_UNREACHABLE',
    message: `the keys of the issuer ${name} cannot be read, so its tokens cannot be checked`,
    hint: 'Send the request again in a while; the server’s log has the cause.',
  })
}
