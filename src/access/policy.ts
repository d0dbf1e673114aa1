/**
 * Who may do what. Denied unless a rule allows it. The rules stand in the server's own settings, never in the gitops
 * repo: who can push there must not be able to give themselves a cluster.
 *
 * @module
 */
import { type ClaimPatterns, claimTrouble } from './claims.ts'
import { type Grant, type Miss, type Wish, miss } from './grant.ts'
import { matches } from './pattern.ts'
import { type Principal, namePrincipal } from './principal.ts'

/** Whom a rule is for. `token` and `hook` are patterns; an issuer's jobs are known by their claims, all of them. */
export type Who =
  | { readonly token: string }
  | { readonly hook: string }
  | { readonly issuer: string; readonly claims: ClaimPatterns }

export type Rule = Grant & { readonly name: string; readonly who: Who }

/** `releases`: outside of these patterns nothing may be touched; absent: no bound. `near`: the rule that came closest. */
export type Decision =
  | { readonly kind: 'allowed'; readonly rule: string; readonly releases?: readonly string[] }
  | { readonly kind: 'denied'; readonly near?: { readonly rule: string; readonly why: string } }

/**
 * Decides. A token with scopes has these and nothing else; everybody else has what the rules name them for.
 *
 * @example
 * ```ts
 * may({ kind: 'token', name: 'ci', scopes: [] }, { verb: 'sync', cluster: 'my-prod' }, rules)
 * ```
 */
export function may(principal: Principal, wish: Wish, policy: readonly Rule[]): Decision {
  const tried = candidates(principal, policy).map((one) => ({ ...one, found: one.found ?? miss(one.grant, wish) }))
  const good = tried.filter(({ found }) => found === undefined)
  const [first] = good
  if (first !== undefined) {
    const releases = good.flatMap(({ grant }) => grant.releases ?? [])
    const bounded = good.every(({ grant }) => grant.releases !== undefined)
    return { kind: 'allowed', rule: first.rule, ...(bounded ? { releases } : {}) }
  }
  const [near] = tried.toSorted((a, b) => (b.found?.depth ?? 0) - (a.found?.depth ?? 0))
  return near?.found === undefined
    ? { kind: 'denied' }
    : { kind: 'denied', near: { rule: near.rule, why: near.found.why } }
}

/** `found` says why it is not for this principal. */
type Candidate = { readonly rule: string; readonly grant: Grant; readonly found: Miss | undefined }

function candidates(principal: Principal, policy: readonly Rule[]): readonly Candidate[] {
  if (principal.kind === 'token' && principal.scopes.length > 0)
    return principal.scopes.map((grant, i) => ({
      rule: `scope ${i + 1} of token ${principal.name}`,
      grant,
      found: undefined,
    }))
  return policy.map((rule) => ({ rule: rule.name, grant: rule, found: strange(rule.who, principal) }))
}

/** Why a rule is not for somebody, or `undefined`. */
function strange(who: Who, principal: Principal): Miss | undefined {
  if ('token' in who && principal.kind === 'token' && matches(who.token, principal.name)) return undefined
  if ('hook' in who && principal.kind === 'hook' && matches(who.hook, principal.id)) return undefined
  if ('issuer' in who && principal.kind === 'job' && who.issuer === principal.issuer) {
    const why = claimTrouble(who.claims, principal.claims)
    return why === undefined ? undefined : { why, depth: 1 }
  }
  return { why: `it is not for ${namePrincipal(principal)}`, depth: 0 }
}
