/**
 * Identity tokens of CI jobs (OIDC): who signed them, for whom, for how long. What a token says of keys and addresses
 * (`jku`, `x5u`, `jwk`) is not looked at.
 *
 * @module
 */
import { errors, jwtVerify } from 'jose'
import { claimText, mismatch } from '../access/claims.ts'
import type { Issuer } from '../access/issuer.ts'
import type { Principal } from '../access/principal.ts'
import { MgoError } from '../error.ts'
import { unauthorized } from './credentials.ts'
import { type KeysOptions, issuerKeys } from './keys.ts'

/** GitHub's have 2 KiB, GitLab's 3. */
const longest = 12 * 1024

export type Job = {
  readonly principal: Extract<Principal, { kind: 'job' }>
  /** Milliseconds since the epoch. */
  readonly expiresAt: number
}

export type JobVerifier = (token: string) => Promise<Job>

/** Makes the verifier. It throws UNAUTHORIZED, FORBIDDEN (an issuer's own claims), ISSUER_UNREACHABLE, OVERLOADED. */
export function jobVerifier(issuers: readonly Issuer[], options: KeysOptions): JobVerifier {
  const known = new Map(issuers.map((issuer) => [issuer.issuer, { issuer, keys: issuerKeys(issuer, options) }]))
  return async (token) => {
    const found = known.get(issuerOf(token))
    // Before anything is fetched: an address in a token is no address to ask.
    if (found === undefined) throw unauthorized('no issuer of this server made the identity token')
    const { issuer, keys } = found
    const { payload } = await jwtVerify(token, keys, {
      issuer: issuer.issuer,
      audience: [...issuer.audiences],
      algorithms: [...issuer.algorithms],
      requiredClaims: ['iss', 'aud', 'sub', 'exp', 'iat'],
      clockTolerance: issuer.leewayMs / 1000,
      maxTokenAge: issuer.maxAgeMs / 1000,
      currentDate: new Date(options.clock.now()),
    }).catch((error: unknown) => {
      throw refusal(error)
    })
    // What exactly was expected is nothing for whoever has an account at the issuer.
    if (mismatch(issuer.claims, payload) !== undefined) throw stranger(issuer)
    return {
      principal: { kind: 'job', issuer: issuer.name, claims: payload },
      expiresAt: (payload.exp ?? 0) * 1000 + issuer.leewayMs,
    }
  }
}

type Wanted = { readonly issuer: string; readonly audience: string; readonly email?: string }
type Proof = { readonly kind: 'ok'; readonly subject: string } | { readonly kind: 'refused'; readonly why: string }

/**
 * Checks the token that a registry or queue sends along with its webhook, against what the hook's settings ask for. With
 * `email`, the token must be of that verified account. Throws ISSUER_UNREACHABLE, OVERLOADED, so that the sender comes again.
 */
export function tokenVerifier(options: KeysOptions): (token: string, wanted: Wanted) => Promise<Proof> {
  const known = new Map<string, JobVerifier>()
  return async (token, { issuer, audience, email }) => {
    const claims = email === undefined ? {} : { email: [email], email_verified: ['true'] }
    const asked = JSON.stringify([issuer, audience, email])
    const rest = { algorithms: ['RS256', 'ES256'], leewayMs: 30_000, maxAgeMs: 6 * 3_600_000 }
    const verify =
      known.get(asked) ?? jobVerifier([{ name: issuer, issuer, audiences: [audience], claims, ...rest }], options)
    known.set(asked, verify)
    try {
      const { principal } = await verify(token)
      return { kind: 'ok', subject: claimText(principal.claims, 'sub') }
    } catch (error) {
      // Whatever is not about the token itself is for the sender to try again.
      if (!(error instanceof MgoError) || !['UNAUTHORIZED', 'FORBIDDEN'].includes(error.code)) throw error
      return { kind: 'refused', why: error.message }
    }
  }
}

/** The `iss` of a token that nobody has checked yet. Throws UNAUTHORIZED for what is no token at all. */
function issuerOf(token: string): string {
  const parts = token.split('.')
  if (token.length > longest || parts.length !== 3) throw unauthorized('the token is none of this server’s, and no JWT')
  const [header = '', payload = ''] = parts
  const texts = [header, payload].map((part) => Buffer.from(part, 'base64url').toString('utf8'))
  if (texts.some((text) => !isPlainObject(text))) throw unauthorized('the identity token cannot be read')
  const { iss } = JSON.parse(texts[1] ?? '') as { readonly iss?: unknown }
  return typeof iss === 'string' ? iss : ''
}

/** A JSON object in which no key stands twice: readers disagree about which one counts. */
function isPlainObject(text: string): boolean {
  try {
    const value = JSON.parse(text) as unknown
    return typeof value === 'object' && value !== null && !Array.isArray(value) && !hasTwice(text)
  } catch {
    return false
  }
}

/** Whether a key stands twice in one object of a text that is JSON. */
function hasTwice(json: string): boolean {
  const open: Set<string>[] = []
  let last = ''
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]:]/g)) {
    if (token === '{' || token === '[') open.push(new Set())
    else if (token === '}' || token === ']') open.pop()
    else if (token === ':') {
      const key = JSON.parse(last) as string
      if (open.at(-1)?.has(key) === true) return true
      open.at(-1)?.add(key)
    } else last = token
  }
  return false
}

/** Which of the checks failed. What exactly was expected is for the settings to know. */
function refusal(error: unknown): MgoError {
  if (error instanceof MgoError) return error
  if (error instanceof errors.JWTExpired) return unauthorized('the identity token has expired')
  if (error instanceof errors.JWTClaimValidationFailed)
    return unauthorized(`the identity token’s claim ${error.claim} is missing, or is not what this server takes`)
  if (error instanceof errors.JOSEAlgNotAllowed)
    return unauthorized('the identity token is signed in a way that is not taken')
  if (error instanceof errors.JOSEError) return unauthorized('the identity token’s signature is not the issuer’s')
  return unauthorized('the identity token cannot be read')
}

function stranger({ name }: Issuer): MgoError {
  return new MgoError({
    code: 'FORBIDDEN',
    message: `this server takes only some of the issuer ${name}’s tokens, and this is none of them`,
    hint: `Whoever runs the server finds their claims below identities.issuers.${name} in its settings.`,
  })
}
