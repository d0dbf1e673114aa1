/**
 * A push that was held back: what has overtaken it, and when to ask its registry again. Pure.
 *
 * @module
 */
import type { HeldPush } from '../release/held.ts'
import type { RequestId } from '../release/ids.ts'
import type { DeployRequest } from '../release/request.ts'
import type { Verdict } from '../release/verdict.ts'
import type { TagPolicy } from './hook-tags.ts'

/** Milliseconds before the next try, after so many in vain. `chance` from 0 to 1: not all ask at the same moment. */
export function askAgainMs(tries: number, chance: number): number {
  return Math.round(Math.min(60_000, 1_000 * 2 ** Math.min(tries, 10)) * (0.75 + chance / 2))
}

/** A request that was accepted later, and its verdict where it has one. `heldAs`: the push that it was held as before. */
export type Later = {
  readonly request: DeployRequest
  readonly verdict?: Verdict | undefined
  readonly heldAs?: RequestId | undefined
}

/**
 * The later request that a held push must not undo, of the same source on the same cluster. Versions and builds know
 * their order themselves. What changed nothing overtakes nothing; nor does the same tag by the same hook, which may be
 * this very push, accepted a moment before the server died.
 */
export function overtaking(push: HeldPush, policy: TagPolicy, later: readonly Later[]): RequestId | undefined {
  if (policy.kind === 'semver' || policy.kind === 'newest') return undefined
  const found = later.find(
    ({ request, verdict, heldAs }) =>
      (heldAs ?? request.id) > push.id &&
      request.cluster === push.cluster &&
      request.source === push.source &&
      verdict?.verdict !== 'refused' &&
      (verdict?.verdict !== 'failed' || verdict.commit !== undefined) &&
      !(request.principal === `hook ${push.hook}` && request.image.tag === push.tag),
  )
  return found?.request.id
}
