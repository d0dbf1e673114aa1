/**
 * A request, parsed at the border: from here on every field is known to be well formed.
 *
 * @module
 */
import type { Cluster, Commit, RequestId } from './ids.ts'
import type { Image } from './image.ts'

/** Who asked. Neither field holds a control character, `<` or `>`; see request/author.ts. */
export type Person = { readonly name: string; readonly email: string }

export type DeployRequest = {
  readonly id: RequestId
  readonly cluster: Cluster
  readonly source: string
  readonly image: Image
  readonly author: Person
  /** `oidc https://… repo:…` and the like; absent where nobody was verified. */
  readonly verifiedBy?: string
  /** Who was let in, as rules, audit and idempotency keys name them: `token ci-web`, `hook hub-1`; absent: nobody asked. */
  readonly principal?: string
  /** The rule of the policy that allowed it. */
  readonly rule?: string
  /** The author that the body claimed, where a verified one took its place. */
  readonly claimedAuthor?: string
  /** Patterns of `NAMESPACE/NAME`: the commit touches no release outside of them. Absent: no bound. */
  readonly releases?: readonly string[]
  /** It goes back to what this commit had. */
  readonly backTo?: Commit
  /** It undoes the image that this commit had, and nothing that came later: where another is there by then, it is refused. */
  readonly backFrom?: Commit
  /** Git was away when it was asked for, so `backFrom` is the newest commit that was known. */
  readonly git?: 'away'
  /** Milliseconds since the epoch. */
  readonly acceptedAt: number
}
