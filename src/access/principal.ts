/**
 * Who was let in, once it is verified. What a body says about its sender never comes in here.
 *
 * @module
 */
import { type Claims, claimText } from './claims.ts'
import type { Grant } from './grant.ts'

export type Principal =
  | {
      readonly kind: 'token'
      readonly name: string
      /** Empty: what the policy's rules say. */
      readonly scopes: readonly Grant[]
      /** Whom its commits are by; default: its name. */
      readonly author?: string | undefined
    }
  | { readonly kind: 'hook'; readonly id: string }
  | {
      readonly kind: 'job'
      /** The issuer's name in the settings. */
      readonly issuer: string
      readonly claims: Claims
    }

/** How rules, audit and idempotency keys call somebody: `token ci-web`, `hook hub-1`, `oidc https://… repo:…`. */
export function namePrincipal(principal: Principal): string {
  switch (principal.kind) {
    case 'token':
      return `token ${principal.name}`
    case 'hook':
      return `hook ${principal.id}`
    case 'job':
      return `oidc ${word(claimText(principal.claims, 'iss'))} ${word(claimText(principal.claims, 'sub'))}`
  }
}

/** Who a commit is by, as `Name <address>`; the door reads it like any author. */
export function authorOf(principal: Principal): string {
  switch (principal.kind) {
    case 'token':
      return principal.author ?? principal.name
    case 'hook':
      return principal.id
    case 'job':
      return authorOfJob(principal.claims)
  }
}

function authorOfJob(claims: Claims): string {
  const [actor, actorId] = [claimText(claims, 'actor'), claimText(claims, 'actor_id')]
  // GitHub's own address of a user, which it links to the account.
  if (isWord(actor)) return isWord(actorId) ? `${actor} <${actorId}+${actor}@users.noreply.github.com>` : actor
  const [login, email] = [claimText(claims, 'user_login'), claimText(claims, 'user_email')]
  if (isWord(login)) return isWord(email) ? `${login} <${email}>` : login
  return word(claimText(claims, 'sub')).slice(0, 200)
}

function isWord(text: string): boolean {
  return /^[A-Za-z0-9_.@+[\]-]{1,100}$/.test(text)
}

/** A claim as one word of a line: what is not printable ASCII would be text from outside in a trailer. */
function word(text: string): string {
  return text
    .slice(0, 512)
    .replace(/[^\x21-\x7e]+/g, '_')
    .replace(/[<>]/g, '_')
}
