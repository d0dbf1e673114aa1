/**
 * Looks at what the engine waits for: hooks, and, once hooks run that come after them, the unit's own objects. A hook
 * that asks whether the new version serves waits for ever where the new version crashes; the crash is the cause.
 *
 * @module
 */
import type { Hooks, Kube, World } from '../ports.ts'
import type { K8sObject } from '../release/object.ts'
import type { ReleaseVerdict } from '../release/verdict.ts'
import { type Eyes, type Look, openEyes } from './eyes.ts'
import { type Settling, verdictOfLook } from './settle.ts'
import { type Subject, subjectsOf } from './subject.ts'

export type Limits = { readonly signal: AbortSignal; readonly untilMs: number }
type Watching = Pick<Settling, 'kube' | 'cluster' | 'unit'> & Hooks
type Around = Pick<World, 'clock' | 'tell'>

/** A red that is not explained yet is believed after this long. */
const proofMs = 1_000
const tickMs = 1_000

/** One of the things that are looked at. */
type View = { readonly eyes: Eyes; readonly why: string; redMs: number }

const hookEnded = 'a hook of the chart ended it'
const meanwhile = 'while a hook of the chart ran'

/** The verdict of what came to an end that waiting does not mend, or ran out of time; `undefined` once `signal` aborts. */
export async function watchHooks(asked: Watching, limits: Limits, world: Around): Promise<ReleaseVerdict | undefined> {
  const { kube, objects, notBefore } = asked
  const { signal, untilMs } = limits
  const { clock } = world
  const startedMs = clock.now()
  const hooks = openEyes({ kube, subjects: await subjectsOf(kube, objects), clock, notBefore })
  const views: View[] = [{ eyes: hooks, why: hookEnded, redMs: 0 }]
  const over = new AbortController()
  const joined = join(asked, views, { clock, signal: AbortSignal.any([over.signal, signal]) })
  const say = teller(asked, world)
  try {
    while (!signal.aborted) {
      const changed = views.map(({ eyes }) => eyes.changed())
      const looks = views.map((view) => ({ view, look: view.eyes.look() }))
      const nowMs = clock.now()
      const red = looks.find(({ view, look }) => isRed(view, look, nowMs))
      if (red?.look !== undefined) return ended(asked, red.look, red.view.why)
      const [first] = looks
      if (first?.look?.sum.word === 'waiting') {
        if (nowMs >= untilMs) return late(asked, first.look, nowMs - startedMs)
        say(first.look)
      }
      const stop = new AbortController()
      const isNew = views.length > 1 ? [] : [joined]
      await Promise.race([...changed, ...isNew, clock.sleep(tickMs, AbortSignal.any([stop.signal, signal]))])
      stop.abort()
    }
    return undefined
  } finally {
    over.abort()
    for (const { eyes } of views) eyes.close()
  }
}

/** Whether it is at an end, and everything was read that might tell more; or nothing more came for a while. */
function isRed(view: View, look: Look | undefined, nowMs: number): boolean {
  view.redMs = look?.sum.word === 'failed' ? view.redMs || nowMs : 0
  return view.redMs > 0 && (look?.isExplained === true || nowMs - view.redMs >= proofMs)
}

type Joining = Pick<World, 'clock'> & { readonly signal: AbortSignal }

/** Adds the unit's own objects to what is looked at, once they are applied. Without a right to see it nothing is added. */
async function join({ kube, own, notBefore }: Watching, views: View[], { clock, signal }: Joining): Promise<void> {
  if (own === undefined) return never
  try {
    if (!(await oneCame(kube, await subjectsOf(kube, own.following), { notBefore, signal }))) return
    const subjects = await subjectsOf(kube, own.objects)
    if (!signal.aborted) views.push({ eyes: openEyes({ kube, subjects, clock }), why: meanwhile, redMs: 0 })
  } catch {
    return never
  }
}

const never = new Promise<void>(() => undefined)

type Coming = { readonly notBefore: string; readonly signal: AbortSignal }

/** Whether one of these was made since `notBefore`; ends when `signal` aborts. */
async function oneCame(kube: Kube, wanted: readonly Subject[], { notBefore, signal }: Coming): Promise<boolean> {
  const found = new AbortController()
  const until = AbortSignal.any([found.signal, signal])
  const isNew = (object: K8sObject) => (object.metadata.creationTimestamp ?? '') >= notBefore
  const came = wanted.map(async ({ own }) => {
    for await (const event of kube.watch(own, until))
      if ((event.kind === 'added' || event.kind === 'modified') && isNew(event.object)) return true
    return false
  })
  try {
    return await Promise.race(came)
  } finally {
    found.abort()
    await Promise.allSettled(came)
  }
}

/** Says what is waited for, each thing once. */
function teller({ cluster, unit }: Watching, { tell }: Around): (look: Look) => void {
  let told = ''
  return ({ sum }) => {
    if (sum.says !== told) tell({ kind: 'waiting', cluster, unit, reason: `hook ${sum.says}` })
    told = sum.says
  }
}

function ended(asked: Watching, { sum }: Look, why: string): ReleaseVerdict {
  const verdict = verdictOfLook(asked, sum)
  return { ...verdict, reason: `${why}: ${verdict.reason}` }
}

function late(asked: Watching, look: Look, waitedMs: number): ReleaseVerdict {
  const why = `not done; a hook of the chart was waited for, for ${Math.round(waitedMs / 1000)} s`
  return { ...ended(asked, look, why), verdict: 'timed-out' }
}
