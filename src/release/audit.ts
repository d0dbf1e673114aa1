/**
 * What the audit trail says. Pure; the journal chains it, doors show it.
 *
 * @module
 */
import type { HeldOutcome, HeldPush } from './held.ts'
import type { DeployRequest } from './request.ts'
import { printImage } from './image.ts'
import type { Verdict } from './verdict.ts'

/** Names and words only: never a reason or a hint, which may quote what is secret. */
export type AuditEntry =
  | {
      readonly kind: 'asked'
      readonly id: string
      readonly cluster: string
      readonly source: string
      readonly image: string
      /** Who the commit names: the verified identity where there is one. */
      readonly author: string
      /** Who was let in; absent: the server was open. */
      readonly principal?: string
      readonly verifiedBy?: string
      readonly rule?: string
      /** What the body claimed, where the identity took its place. */
      readonly claimedAuthor?: string
      /** It was a rollback: to what this commit had. */
      readonly backTo?: string
      /** From what this commit had. */
      readonly backFrom?: string
      /** Git was away: `backFrom` was the newest commit that was known. */
      readonly git?: 'away'
    }
  | {
      readonly kind: 'ended'
      readonly id: string
      readonly cluster: string
      readonly verdict: string
      readonly commit?: string
      readonly code?: string
      readonly releases: readonly { readonly release: string; readonly verdict: string; readonly revision?: number }[]
    }
  /** A push that waited for its registry ended, and is no deploy. `by`: the later request that it must not undo. */
  | {
      readonly kind: 'push'
      readonly id: string
      readonly outcome: 'ignored' | 'superseded' | 'failed'
      readonly cluster: string
      readonly source: string
      readonly image: string
      readonly principal: string
      readonly verifiedBy: string
      readonly code?: string
      readonly by?: string
    }
  /** Somebody known was not allowed to. */
  | {
      readonly kind: 'denied'
      readonly principal: string
      readonly verb: string
      readonly cluster?: string
      readonly source?: string
      readonly image?: string
    }
  /** Somebody made or revoked a static token on the server's machine, at `when` (RFC 3339). `token`: its id, never itself. */
  | {
      readonly kind: 'token'
      readonly what: 'created' | 'revoked'
      readonly token: string
      readonly name: string
      /** The user of the system; absent: an older mgo did it, which did not ask. */
      readonly by?: string
      readonly when: string
      readonly expires: string
      readonly scopes: readonly string[]
    }
  /** Which settings count from here on: SHA-256 of their file and of the policy alone. */
  | {
      readonly kind: 'settings'
      readonly how: 'start' | 'reload'
      readonly file: string
      readonly policy: string
      readonly rules: number
    }

/**
 * An entry in its place. `entry` is the JSON as it was written; `hash` is the SHA-256 (hex) of the hash before, `n`, `at`
 * and `entry`, with a line break between each two. Before the first one stand 64 zeros. `at`: milliseconds since the epoch.
 */
export type Chained = { readonly n: number; readonly at: number; readonly entry: string; readonly hash: string }

/** How a trail stands. `broken`: the first entry that does not follow from the one before. */
export type Verified =
  | { readonly kind: 'whole'; readonly entries: number; readonly head: string }
  | { readonly kind: 'broken'; readonly n: number; readonly why: string }

/** The entry of an accepted request. */
export function auditAsked(request: DeployRequest): AuditEntry {
  const { id, cluster, source, image, author, principal, verifiedBy, rule, claimedAuthor } = request
  const { backTo, backFrom, git } = request
  return {
    kind: 'asked',
    id,
    cluster,
    source,
    image: printImage(image),
    author: author.email === '' ? author.name : `${author.name} <${author.email}>`,
    ...(principal === undefined ? {} : { principal }),
    ...(verifiedBy === undefined ? {} : { verifiedBy }),
    ...(rule === undefined ? {} : { rule }),
    ...(claimedAuthor === undefined ? {} : { claimedAuthor }),
    ...(backTo === undefined ? {} : { backTo }),
    ...(backFrom === undefined ? {} : { backFrom }),
    ...(git === undefined ? {} : { git }),
  }
}

/** The entry of its end. */
export function auditEnded({ id, cluster, verdict, commit, problem, releases }: Verdict): AuditEntry {
  return {
    kind: 'ended',
    id,
    cluster,
    verdict,
    ...(commit === undefined ? {} : { commit }),
    ...(problem === undefined ? {} : { code: problem.code }),
    releases: releases.map(({ release, verdict: word, revision }) => {
      return { release, verdict: word, ...(revision === undefined ? {} : { revision }) }
    }),
  }
}

/** The entry of a push that became no deploy; what became one is told of as that. */
export function auditPush(push: HeldPush, outcome: Exclude<HeldOutcome, { readonly kind: 'accepted' }>): AuditEntry {
  const { id, cluster, source, repository, tag, digest, hook, how } = push
  return {
    kind: 'push',
    id,
    outcome: outcome.kind,
    cluster,
    source,
    image: printImage({ repository, tag, digest }),
    principal: `hook ${hook}`,
    verifiedBy: how,
    ...(outcome.kind === 'failed' ? { code: outcome.code } : {}),
    ...(outcome.kind === 'superseded' ? { by: outcome.by } : {}),
  }
}

/**
 * Chooses entries. An end belongs to whoever asked, so entries must come in their order.
 *
 * @returns whether an entry is wanted
 */
export function auditChooser({
  principal,
  cluster,
}: {
  readonly principal?: string
  readonly cluster?: string
}): (entry: AuditEntry) => boolean {
  const asked = new Set<string>()
  return (entry) => {
    if (cluster !== undefined && (!('cluster' in entry) || entry.cluster !== cluster)) return false
    if (principal === undefined) return true
    if (entry.kind === 'ended') return asked.has(entry.id)
    if (entry.kind === 'token') return principal === `token ${entry.name}`
    if (!('principal' in entry) || entry.principal !== principal) return false
    if (entry.kind === 'asked') asked.add(entry.id)
    return true
  }
}
