/**
 * Pushed tags → deploys: which of them the hook's settings and the policy let through, at which digest, and each of them
 * kept before the sender hears so. A retry of a delivery finds what was kept the first time; a push whose registry is away
 * is kept, too, and becomes a deploy later.
 *
 * @module
 */
import { MgoError } from '../error.ts'
import type { HeldOutcome, HeldPush } from '../release/held.ts'
import { match, type Passed, type Wanted } from '../request/hook-match.ts'
import { judgeTag } from '../request/hook-tags.ts'
import {
  denied,
  type DeliverOptions,
  imageOf,
  type One,
  passed,
  sameAs,
  stamped,
  take,
  type Taken,
  type Told,
} from './hook-take.ts'

/** `waiting`: kept, and deployed when the registry has said which digest the tag has. */
export type Delivered = {
  readonly deploys: readonly Taken[]
  readonly ignored: readonly Passed[]
  readonly waiting: readonly { readonly push: HeldPush; readonly why: string }[]
}

export type Deliverer = {
  /**
   * Takes a delivery. Throws FORBIDDEN where the policy lets nothing of it through, and what the desk throws: the sender then
   * tries again, and what was kept already is found again.
   */
  deliver(told: Told): Promise<Delivered>
  /** Once more for a push that was held: what becomes of it. Throws REGISTRY_* and what the desk throws: later, then. */
  again(push: HeldPush): Promise<HeldOutcome>
}

/** Makes the deliverer. */
export function deliverer(options: DeliverOptions): Deliverer {
  let turn: Promise<unknown> = Promise.resolve()
  // One at a time: of two builds that arrive together, the older must see the newer.
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = turn.then(work, work)
    turn = mine.catch(() => undefined)
    return mine
  }
  const course = { options, inTurn }
  return {
    deliver: async (told) => {
      const { wanted, ignored } = match(told.artifacts, told.hook)
      const ended: One[] = []
      for (const one of wanted) ended.push(await first(one, told, { ...course, isAway: ended.some(isHeld) }))
      return summed(ended, ignored)
    },
    again: (push) => again(push, course),
  }
}

type Course = {
  readonly options: DeliverOptions
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>
}

/** Senders wait for ten seconds: once a registry did not answer, it is not asked again while they do. */
async function first(one: Wanted, told: Told, course: Course & { readonly isAway: boolean }): Promise<One> {
  const { options, inTurn, isAway } = course
  // What the policy for tags refuses whatever is there, costs no question to a registry.
  const judged = judgeTag(one.tag, one.image.tags, [])
  if (judged.kind === 'ignored') return passed(one, judged.why)
  const found = await digestOf(one, options, isAway).catch((error: unknown) => {
    if (isAwayError(error)) return error
    throw error
  })
  if (found === null) return passed(one, 'the registry has no such tag')
  if (found instanceof MgoError) return hold(one, told, { options, why: found.message })
  return inTurn(() => take(found, { one, told, options }))
}

/** `null`: there is no such tag; `undefined`: nobody wants to know. */
async function digestOf({ image, tag }: Wanted, { digest }: DeliverOptions, isAway: boolean) {
  if (!image.resolve) return undefined
  if (isAway) return unasked
  return (await digest(image.image, tag)) ?? null
}

const unasked = new MgoError({
  code: 'REGISTRY_UNREACHABLE',
  message: 'a registry did not answer, and nothing more is asked while the sender waits',
  hint: 'It is asked again in a moment.',
})

function isAwayError(error: unknown): error is MgoError {
  return error instanceof MgoError && (error.code === 'REGISTRY_UNREACHABLE' || error.code === 'REGISTRY_DENIED')
}

type ToHold = { readonly options: DeliverOptions; readonly why: string }

/** What the policy would refuse later is refused now, while the sender listens. */
async function hold(one: Wanted, told: Told, { options, why }: ToHold): Promise<One> {
  const { image, cluster, tag } = one
  const asked = stamped({ cluster, source: image.source, image: imageOf(one, undefined) }, told, options)
  if (asked instanceof MgoError) return denied(one, asked)
  const { hook, how, by } = told
  const push = await options.hold({
    hook: hook.name,
    how,
    ...sameAs(one, told),
    by,
    repository: image.image,
    tag,
    source: image.source,
    cluster,
  })
  return { kind: 'held', push, why }
}

function isHeld({ kind }: One): boolean {
  return kind === 'held'
}

function summed(ended: readonly One[], ignored: readonly Passed[]): Delivered {
  const deploys = ended.flatMap((one) => (one.kind === 'taken' ? [one.taken] : []))
  const waiting = ended.flatMap((one) => (one.kind === 'held' ? [{ push: one.push, why: one.why }] : []))
  const [refused] = ended.flatMap((one) => (one.kind === 'denied' ? [one.error] : []))
  if (refused !== undefined && deploys.length + waiting.length === 0) throw refused
  const more = ended.flatMap((one) => (one.kind === 'passed' || one.kind === 'denied' ? [one.passed] : []))
  return { deploys, waiting, ignored: [...ignored, ...more] }
}

async function again(push: HeldPush, { options, inTurn }: Course): Promise<HeldOutcome> {
  const hook = options.hook(push.hook)
  const image = hook?.images.find(
    (one) => one.image === push.repository && one.source === push.source && one.clusters.includes(push.cluster),
  )
  if (hook === undefined || image === undefined)
    return { kind: 'ignored', why: 'the settings no longer have this hook or image' }
  const one = { image, cluster: push.cluster, tag: push.tag }
  const digest = push.digest ?? (await options.digest(push.repository, push.tag))
  if (digest === undefined) return { kind: 'ignored', why: 'the registry has no such tag' }
  // On disk before anything is accepted: after a crash the same is asked for, and so known.
  if (push.digest === undefined) await options.pinned({ ...push, digest })
  const told = { hook, how: push.how, id: push.delivery, since: push.since, artifacts: [], by: push.by }
  return inTurn(async () => {
    const by = await options.overtaken(push, image.tags)
    return by === undefined ? outcomeOf(await take(digest, { one, told, options })) : { kind: 'superseded', by }
  })
}

function outcomeOf(one: Exclude<One, { kind: 'held' }>): HeldOutcome {
  switch (one.kind) {
    case 'taken':
      return { kind: 'accepted', request: one.taken.id, image: one.taken.image }
    case 'passed':
      return { kind: 'ignored', why: one.passed.why }
    case 'denied':
      return { kind: 'failed', code: one.error.code, why: one.error.message, hint: one.error.hint }
  }
}
