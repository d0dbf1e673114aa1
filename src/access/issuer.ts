/**
 * Who may sign identity tokens for jobs, as the settings name them. No token brings an issuer of its own along.
 *
 * @module
 */
import type { ClaimPatterns } from './claims.ts'
import type { Rule } from './policy.ts'

/** Signatures with a public key only: with a shared one, whoever can check a token can make one. */
export const algorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
] as const

export type Issuer = {
  /** What rules call it. */
  readonly name: string
  /** The `iss` claim, letter by letter; also where its discovery document is. */
  readonly issuer: string
  /** The `aud` claim must hold one of them. */
  readonly audiences: readonly string[]
  readonly algorithms: readonly string[]
  /** Where its keys are; default: what its discovery document says, on the issuer's own host. */
  readonly jwks?: string | undefined
  /** What every token of it must say, whatever the rule. */
  readonly claims: ClaimPatterns
  /** How far its clock may be off, in milliseconds. */
  readonly leewayMs: number
  /** A token older than this is refused, whatever its `exp` says; milliseconds. */
  readonly maxAgeMs: number
}

/** All that decides who may do what. */
export type AccessSettings = { readonly issuers: readonly Issuer[]; readonly policy: readonly Rule[] }
