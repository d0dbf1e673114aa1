/**
 * Static tokens, as everybody but their store sees them: the store keeps a hash and no token.
 *
 * @module
 */
import type { Grant } from './grant.ts'

/** What a token begins with, so that secret scanners and people know it. */
export const tokenPrefix = 'mgo_'

/** Times are milliseconds since the epoch. */
export type TokenRecord = {
  /** Sixteen hex digits of its hash: tells apart tokens that had one name after the other, and nothing of the token. */
  readonly id: string
  readonly name: string
  /** Empty: what the policy's rules say. */
  readonly scopes: readonly Grant[]
  /** Whom its commits are by; default: its name. */
  readonly author?: string | undefined
  readonly createdAt: number
  readonly expiresAt: number
  readonly lastUsedAt?: number | undefined
  readonly revokedAt?: number | undefined
}

export type NewToken = Pick<TokenRecord, 'name' | 'scopes' | 'author' | 'createdAt' | 'expiresAt'>

/** A token was made or revoked. `by`: the user of the system; `undefined`: an older mgo did it, which did not ask. */
export type TokenChange = Pick<TokenRecord, 'id' | 'name' | 'scopes' | 'expiresAt'> & {
  readonly what: 'created' | 'revoked'
  readonly by: string | undefined
  readonly at: number
}

/** Where tokens are kept; several processes may have it open. Throws JOURNAL_FAILED. */
export type TokenStore = {
  /** Makes a token and gives its text, this once. `undefined`: the name is taken. */
  create(token: NewToken, by?: string): Promise<string | undefined>
  /** The newest first. */
  list(): Promise<readonly TokenRecord[]>
  /** `false`: there is none of that name that still counts. */
  revoke(name: string, now: number, by?: string): Promise<boolean>
  /** The record of a token's text, revoked and expired ones included; notes the use. */
  find(text: string, now: number): Promise<TokenRecord | undefined>
  /** Changes that the audit trail does not have yet, the oldest first. */
  untold(): Promise<readonly TokenChange[]>
  /** Notes that it has them. */
  told(changes: readonly TokenChange[]): Promise<void>
  close(): void
}

/** Why a token does not count, or `undefined` where it does. */
export function tokenTrouble({ expiresAt, revokedAt }: TokenRecord, now: number): 'revoked' | 'expired' | undefined {
  if (revokedAt !== undefined) return 'revoked'
  return now >= expiresAt ? 'expired' : undefined
}

/** Whether a text can be a token's name: it stands in rules, trailers and logs. */
export function isTokenName(text: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$/.test(text)
}
