/**
 * One pushed tag → a deploy: what the hook's settings and the policy say to it, and its being kept.
 *
 * @module
 */
import { MgoError } from '../error.ts'
import type { HeldPush } from '../release/held.ts'
import type { Cluster, RequestId } from '../release/ids.ts'
import { printImage } from '../release/image.ts'
import type { DeployRequest } from '../release/request.ts'
import { parseAuthor, showAuthor } from '../request/author.ts'
import type { Artifact, Hook } from '../request/hook.ts'
import type { Passed, Wanted } from '../request/hook-match.ts'
import { judgeTag, type TagPolicy } from '../request/hook-tags.ts'
import type { Asked } from '../request/request.ts'
import type { Stamped } from './caller.ts'
import type { Once } from './once.ts'

export type DeliverOptions = {
  /** Resolves when the request is on disk. `again`: this deploy of this delivery came before. Throws OVERLOADED … */
  readonly accept: (
    asking: Stamped,
    once: Extract<Once, { delivery: string }>,
  ) => Promise<{ readonly kind: 'new' | 'again'; readonly request: DeployRequest }>
  /** The tags of what was accepted and has no verdict yet, also by a server before this one. */
  readonly open: (cluster: Cluster, source: string) => Promise<readonly string[]>
  /** Asks the policy whether the hook of a name may do that, and notes by which rule. Throws FORBIDDEN. */
  readonly stamp: (hook: string, asked: Asked) => Stamped
  /** The digest of a tag at its registry, `undefined` where there is no such tag. Throws REGISTRY_*. */
  readonly digest: (repository: string, tag: string) => Promise<string | undefined>
  /** The tags that the image of a source has on a cluster by now, as the repo says. */
  readonly current: (cluster: Cluster, source: string) => Promise<readonly string[]>
  /** Keeps a push whose registry cannot be asked; resolves when it is on disk. Throws OVERLOADED … */
  readonly hold: (push: Holding) => Promise<HeldPush>
  /** Notes the digest of one that was held. */
  readonly pinned: (push: HeldPush) => Promise<void>
  /** Whom a held push must not undo. */
  readonly overtaken: (push: HeldPush, policy: TagPolicy) => Promise<RequestId | undefined>
  /** The hook of a name, as the settings have it now. */
  readonly hook: (name: string) => Hook | undefined
}

/** A push that is to be held; whoever keeps it gives it id and times. */
export type Holding = Omit<HeldPush, 'id' | 'at' | 'until' | 'digest'>

/** A delivery whose proof was checked. `how`: by what. `id`: what a retry repeats; `since`: what came before was none. */
export type Told = {
  readonly hook: Hook
  readonly how: string
  readonly id: string
  readonly since?: number | undefined
  readonly artifacts: readonly Artifact[]
  readonly by?: string | undefined
}

export type Taken = {
  readonly id: RequestId
  readonly cluster: Cluster
  readonly source: string
  readonly image: string
  /** It was accepted by an earlier try of the same delivery. */
  readonly again: boolean
}

/** What became of one wanted deploy. */
export type One =
  | { readonly kind: 'taken'; readonly taken: Taken }
  | { readonly kind: 'passed'; readonly passed: Passed }
  | { readonly kind: 'held'; readonly push: HeldPush; readonly why: string }
  | { readonly kind: 'denied'; readonly error: MgoError; readonly passed: Passed }

type Taking = {
  readonly one: Wanted
  readonly told: Told
  readonly options: DeliverOptions
}

/** Judges a tag beside those that are there, and keeps the deploy that it is. */
export async function take(
  digest: string | undefined,
  { one, told, options }: Taking,
): Promise<Exclude<One, { kind: 'held' }>> {
  const { image, cluster, tag } = one
  const { source } = image
  const judged = judgeTag(tag, image.tags, await tagsOf(one, options))
  if (judged.kind === 'ignored') return passed(one, judged.why)
  const asked = stamped({ cluster, source, image: imageOf(one, digest) }, told, options)
  if (asked instanceof MgoError) return denied(one, asked)
  const { kind, request } = await options.accept(asked, sameAs(one, told))
  const taken = { id: request.id, cluster, source, image: printImage(asked.image), again: kind === 'again' }
  return { kind: 'taken', taken }
}

/** By what a retry is known: an event's own id is one for ever. */
export function sameAs({ event }: Wanted, { id, since }: Told): Extract<Once, { delivery: string }> {
  return event === undefined ? { delivery: id, since } : { delivery: event }
}

/** The hook asks, whoever pushed: that is only what the payload claims. */
export function stamped(
  what: Pick<Asked, 'cluster' | 'source' | 'image'>,
  { hook, how, by }: Told,
  { stamp }: DeliverOptions,
): Stamped | MgoError {
  const principal = `hook ${hook.name}`
  const author = { name: principal, email: '' }
  const claimed = by === undefined ? undefined : parseAuthor(by)
  try {
    return {
      ...stamp(hook.name, { ...what, author }),
      author,
      principal,
      verifiedBy: `${principal} of ${hook.vendor}, by ${how}`,
      ...(claimed?.kind === 'ok' ? { claimedAuthor: showAuthor(claimed.author) } : {}),
    }
  } catch (error) {
    if (error instanceof MgoError && error.code === 'FORBIDDEN') return error
    throw error
  }
}

/** What was accepted and is not in the repo yet, and what the repo says: in this order, for what ends meanwhile is in the repo. */
async function tagsOf({ cluster, image: { source } }: Wanted, options: DeliverOptions): Promise<readonly string[]> {
  return [...(await options.open(cluster, source)), ...(await options.current(cluster, source))]
}

/** Nothing is done about it, and why. */
export function passed({ image, tag }: Pick<Wanted, 'image' | 'tag'>, why: string): Extract<One, { kind: 'passed' }> {
  return { kind: 'passed', passed: { image: `${image.image}:${tag}`, why } }
}

/** The policy says no. */
export function denied(one: Wanted, error: MgoError): Extract<One, { kind: 'denied' }> {
  return { ...passed(one, error.message), kind: 'denied', error }
}

/** The image as it is asked for. */
export function imageOf({ image, tag }: Wanted, digest: string | undefined): Asked['image'] {
  return { repository: image.image, tag, digest }
}
