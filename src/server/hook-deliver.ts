/**
 * Pushed tags → deploys: which of them the hook's settings and the policy let through, at which digest, and each of them
 * kept before the sender hears so. A retry of a delivery finds what was kept the first time.
 *
 * @module
 */
import { MgoError } from '../error.ts'
import type { Cluster, RequestId } from '../release/ids.ts'
import { printImage } from '../release/image.ts'
import type { DeployRequest } from '../release/request.ts'
import { parseAuthor, showAuthor } from '../request/author.ts'
import type { Artifact, Hook, HookImage } from '../request/hook.ts'
import { match, type Passed, type Wanted } from '../request/hook-match.ts'
import { judgeTag } from '../request/hook-tags.ts'
import type { Asked } from '../request/request.ts'
import type { Stamped } from './caller.ts'

export type DeliverOptions = {
  /** Resolves when the request is on disk. `again`: this deploy of this delivery came before. Throws OVERLOADED … */
  readonly accept: (
    asking: Stamped,
    once: { readonly delivery: string },
  ) => Promise<{ readonly kind: 'new' | 'again'; readonly request: DeployRequest }>
  /** Whether a request has its verdict, so that the repo says what came of it. */
  readonly isEnded: (id: RequestId) => Promise<boolean>
  /** Asks the policy whether the hook of a name may do that, and notes by which rule. Throws FORBIDDEN. */
  readonly stamp: (hook: string, asked: Asked) => Stamped
  /** The digest of a tag at its registry, `undefined` where there is no such tag. Throws REGISTRY_*. */
  readonly digest: (repository: string, tag: string) => Promise<string | undefined>
  /** The tags that the image of a source has on a cluster by now, as the repo says. */
  readonly current: (cluster: Cluster, source: string) => Promise<readonly string[]>
}

/** A delivery whose proof was checked. `how`: by what. `id`: what a retry repeats. */
export type Told = {
  readonly hook: Hook
  readonly how: string
  readonly id: string
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

export type Delivered = { readonly deploys: readonly Taken[]; readonly ignored: readonly Passed[] }

/** What became of one wanted deploy. */
type One =
  | { readonly kind: 'taken'; readonly taken: Taken }
  | { readonly kind: 'passed'; readonly passed: Passed }
  | { readonly kind: 'denied'; readonly error: MgoError; readonly passed: Passed }

type Under = { readonly cluster: Cluster; readonly source: string; readonly tag: string; readonly id: RequestId }

/**
 * Takes deliveries. Throws FORBIDDEN where the policy lets nothing of it through, REGISTRY_* and what the desk throws:
 * the sender then tries again, and what was kept already is found again.
 */
export function deliverer(options: DeliverOptions): (told: Told) => Promise<Delivered> {
  const underWay: Under[] = []
  let turn: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = turn.then(work, work)
    turn = mine.catch(() => undefined)
    return mine
  }
  return async (told) => {
    const { wanted, ignored } = match(told.artifacts, told.hook)
    const ended: One[] = []
    for (const one of wanted) {
      const digest = await pinned(one, options)
      if (digest.kind === 'passed') ended.push(digest)
      // One at a time: of two builds that arrive together, the older must see the newer.
      else ended.push(await inTurn(() => take(digest.digest, { one, told, options, underWay })))
    }
    const deploys = ended.flatMap((one) => (one.kind === 'taken' ? [one.taken] : []))
    const [denied] = ended.flatMap((one) => (one.kind === 'denied' ? [one.error] : []))
    if (denied !== undefined && deploys.length === 0) throw denied
    return { deploys, ignored: [...ignored, ...ended.flatMap((one) => (one.kind === 'taken' ? [] : [one.passed]))] }
  }
}

type Pinned = { readonly kind: 'pinned'; readonly digest: string | undefined } | Extract<One, { kind: 'passed' }>

/** What the policy for tags refuses whatever is there, costs no question to a registry. */
async function pinned({ image, tag }: Wanted, { digest }: DeliverOptions): Promise<Pinned> {
  const judged = judgeTag(tag, image.tags, [])
  if (judged.kind === 'ignored') return passed(image, tag, judged.why)
  if (!image.resolve) return { kind: 'pinned', digest: undefined }
  const found = await digest(image.image, tag)
  return found === undefined ? passed(image, tag, 'the registry has no such tag') : { kind: 'pinned', digest: found }
}

function passed(image: HookImage, tag: string, why: string): Extract<One, { kind: 'passed' }> {
  return { kind: 'passed', passed: { image: `${image.image}:${tag}`, why } }
}

type Taking = {
  readonly one: Wanted
  readonly told: Told
  readonly options: DeliverOptions
  readonly underWay: Under[]
}

async function take(digest: string | undefined, { one, told, options, underWay }: Taking): Promise<One> {
  const { image, cluster, tag } = one
  const { source } = image
  const judged = judgeTag(tag, image.tags, await tagsOf(one, options, underWay))
  if (judged.kind === 'ignored') return passed(image, tag, judged.why)
  const asked = stamped({ cluster, source, image: { repository: image.image, tag, digest } }, told, options)
  if (asked instanceof MgoError) return { ...passed(image, tag, asked.message), kind: 'denied', error: asked }
  const { kind, request } = await options.accept(asked, { delivery: one.event ?? told.id })
  if (kind === 'new') underWay.push({ cluster, source, tag, id: request.id })
  const taken = { id: request.id, cluster, source, image: printImage(asked.image), again: kind === 'again' }
  return { kind: 'taken', taken }
}

/** The hook asks, whoever pushed: that is only what the payload claims. */
function stamped(
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

/** What the repo says, and what was accepted and is not in the repo yet. */
async function tagsOf({ cluster, image }: Wanted, options: DeliverOptions, underWay: Under[]): Promise<string[]> {
  const { source } = image
  const ended = await Promise.all(underWay.map(({ id }) => options.isEnded(id)))
  const left = underWay.filter((_, i) => ended[i] !== true)
  underWay.splice(0, underWay.length, ...left)
  const open = left.filter((one) => one.cluster === cluster && one.source === source).map(({ tag }) => tag)
  return [...open, ...(await options.current(cluster, source))]
}
