/**
 * One who was let in, as the routes see them: what they may do, what they may see, and whose name a deploy gets.
 *
 * @module
 */
import type { Wish } from '../access/grant.ts'
import { type Decision, type Rule, may } from '../access/policy.ts'
import { type Principal, authorOf, namePrincipal } from '../access/principal.ts'
import { MgoError } from '../error.ts'
import type { Clock } from '../ports.ts'
import { printImage } from '../release/image.ts'
import type { DeployRequest, Person } from '../release/request.ts'
import type { Verdict } from '../release/verdict.ts'
import { parseAuthor, showAuthor } from '../request/author.ts'
import type { Asked } from '../request/request.ts'

/** A request with all that is known of its sender. */
export type Stamped = Omit<DeployRequest, 'id' | 'acceptedAt'>

export type Caller = {
  /** `token ci-web`, `oidc https://… repo:…`; `undefined` where nobody has to say who they are. */
  readonly principal: string | undefined
  /** Whom a commit is by where the body names nobody; `undefined`: the body must. */
  readonly author: string | undefined
  readonly may: (wish: Wish) => boolean
  /** Gives what allowed it. Throws FORBIDDEN. */
  readonly allow: (wish: Wish) => Extract<Decision, { kind: 'allowed' }> | undefined
  /** Whether they may know of a request: their own, or what they may read. If not, it is to be as if there were none. */
  readonly sees: (request: Pick<DeployRequest, 'principal' | 'cluster' | 'source' | 'image'>) => boolean
  /** Allows the deploy or rollback, and writes on it who asks: the verified one, whatever the body says. Throws FORBIDDEN. */
  readonly stamp: (asked: Asked, verb?: 'deploy' | 'rollback') => Stamped
  /** A verdict without the names that they may not read. */
  readonly shown: (verdict: Verdict) => Verdict
  /** Aborts soon after the credential stops counting: a stream ends with it. */
  readonly ended: () => AbortSignal
}

/** How the end of a credential is noticed. */
export type Life = { readonly isGood: () => Promise<boolean>; readonly over: AbortSignal }

/** A stream outlives its revoked token by this much at most, in milliseconds. */
const lookEveryMs = 2_000

/** Where no identities are set up: everybody, who may do everything. */
const anybody: Caller = {
  principal: undefined,
  author: undefined,
  may: () => true,
  allow: () => undefined,
  sees: () => true,
  stamp: (asked) => asked,
  shown: (verdict) => verdict,
  ended: () => new AbortController().signal,
}

/** Makes callers who stand under the policy of the moment, streams included. `denied` hears of what it does not allow. */
export function callers(
  policy: () => readonly Rule[],
  clock: Pick<Clock, 'sleep'>,
  denied: (principal: string, wish: Wish) => void = () => undefined,
) {
  return {
    anybody: () => anybody,
    known: (principal: Principal, life?: Life): Caller => {
      const name = namePrincipal(principal)
      const can = (wish: Wish) => may(principal, wish, policy())
      const allow = (wish: Wish) => {
        const decision = can(wish)
        if (decision.kind === 'denied') {
          denied(name, wish)
          throw forbidden(name, wish)
        }
        return decision
      }
      return {
        principal: name,
        author: showAuthor(personOf(principal)),
        may: (wish) => can(wish).kind === 'allowed',
        allow,
        sees: ({ principal: owner, cluster, source, image }) =>
          owner === name || can({ verb: 'read', cluster, source, image }).kind === 'allowed',
        stamp: (asked, verb = 'deploy') => {
          const { cluster, source, image } = asked
          return stamped(asked, principal, allow({ verb, cluster, source, image }))
        },
        shown: (verdict) => veiled(verdict, (wish) => can(wish).kind === 'allowed'),
        ended: () => endOf(life, clock),
      }
    },
  }
}

function stamped(asked: Asked, principal: Principal, allowed: Extract<Decision, { kind: 'allowed' }>): Stamped {
  const author = personOf(principal)
  const claimedAuthor = showAuthor(asked.author)
  const name = namePrincipal(principal)
  return {
    ...asked,
    author,
    principal: name,
    verifiedBy: name,
    rule: allowed.rule,
    ...(claimedAuthor === showAuthor(author) ? {} : { claimedAuthor }),
    ...(allowed.releases === undefined ? {} : { releases: allowed.releases }),
  }
}

/** Claims are text from outside like any other: what git could not store falls back to the principal's name. */
function personOf(principal: Principal): Person {
  const read = parseAuthor(authorOf(principal))
  return read.kind === 'ok' ? read.author : { name: namePrincipal(principal).slice(0, 200), email: '' }
}

/** Hints that list what else there is are for those who may read it. */
function veiled(verdict: Verdict, can: (wish: Wish) => boolean): Verdict {
  const { problem, cluster } = verdict
  if (problem?.code !== 'CLUSTER_UNKNOWN' && problem?.code !== 'SOURCE_UNKNOWN') return verdict
  if (can({ verb: 'read', cluster: problem.code === 'SOURCE_UNKNOWN' ? cluster : undefined })) return verdict
  return { ...verdict, problem: { ...problem, hint: 'Which ones there are is not for this identity to read.' } }
}

function endOf(life: Life | undefined, clock: Pick<Clock, 'sleep'>): AbortSignal {
  const end = new AbortController()
  const look = async ({ isGood, over }: Life): Promise<void> => {
    while (!over.aborted) {
      await clock.sleep(lookEveryMs, over)
      // A store that cannot be read lets nobody in, so it lets nobody stay.
      if (!over.aborted && !(await isGood().catch(() => false))) return end.abort()
    }
  }
  if (life !== undefined) void look(life)
  return end.signal
}

function forbidden(name: string, { verb, cluster, source, image }: Wish): MgoError {
  const what = [
    verb,
    ...(image === undefined ? [] : [printImage(image)]),
    ...(source === undefined ? [] : [`of ${source}`]),
    ...(cluster === undefined ? [] : [`on ${cluster}`]),
  ]
  return new MgoError({
    code: 'FORBIDDEN',
    message: `the server’s policy does not let ${name} ${what.join(' ')}`,
    hint: 'Whoever runs the server sees with "mgo access explain" which rule comes nearest.',
  })
}
