/**
 * Applies a unit, and watches what the engine itself waits for meanwhile. Helm says of a failed hook that it failed; its
 * pods say why, and often long before helm gives up.
 *
 * @module
 */
import { MgoError } from '../error.ts'
import type { Applied, Clock, Engine, Hooks, Target, UnitRecord, World } from '../ports.ts'
import { showUnit, type Unit } from '../release/release.ts'
import type { ReleaseVerdict } from '../release/verdict.ts'
import { type Eyes, type Look, openEyes } from './eyes.ts'
import { type Settling, verdictOfLook } from './settle.ts'
import { subjectsOf } from './subject.ts'

export type Applying = {
  readonly unit: Unit
  readonly target: Target
  readonly record: UnitRecord | undefined
  readonly engine: Engine
  readonly world: Pick<World, 'clock' | 'tell'>
}

/** What came of it: applied, or ended by a hook. */
export type Outcome =
  | { readonly kind: 'applied'; readonly applied: Applied }
  | { readonly kind: 'ended'; readonly verdict: ReleaseVerdict }

/** Most charts are through by then; only who takes longer is asked for hooks. */
const quickMs = 1_000
/** How long a hook's failure may take to be seen after the engine has told of it. */
const afterMs = 1_500
const proofMs = 1_000
const tickMs = 1_000

/** Applies. Throws what the engine throws, where no hook is the cause. */
export async function applyWatched(applying: Applying): Promise<Outcome> {
  const { unit, target, record, engine, world } = applying
  const stop = new AbortController()
  const over = new AbortController()
  const work = engine.apply(unit, { ...target, signal: stop.signal }, record)
  const ended = work.then(
    () => 'well' as const,
    () => 'badly' as const,
  )
  if (engine.hooks === undefined) return { kind: 'applied', applied: await work }
  const early = await Promise.race([ended, world.clock.sleep(quickMs, over.signal)])
  if (early === 'well') return { kind: 'applied', applied: await work }
  const watching = hookVerdict(applying, over.signal)
  watching.catch(() => undefined)
  const first = await Promise.race([ended, watching])
  if (first === 'well') {
    over.abort()
    return { kind: 'applied', applied: await work }
  }
  // Helm writes down that the release has failed, where it is asked to end in time.
  if (first !== 'badly' && first !== undefined) stop.abort()
  const ending = await ended
  if (ending === 'well') return { kind: 'applied', applied: await work }
  const verdict = await within(watching, afterMs, world.clock)
  over.abort()
  return verdict === undefined ? { kind: 'applied', applied: await work } : { kind: 'ended', verdict }
}

async function within<T>(work: Promise<T | undefined>, ms: number, clock: Clock): Promise<T | undefined> {
  const stop = new AbortController()
  const found = await Promise.race([work, clock.sleep(ms, stop.signal).then(() => undefined)])
  stop.abort()
  return found
}

/** The verdict of a hook that came to an end that waiting does not mend; `undefined` where there is none. */
async function hookVerdict(applying: Applying, signal: AbortSignal): Promise<ReleaseVerdict | undefined> {
  const { unit, target, record, engine, world } = applying
  try {
    const hooks = await engine.hooks?.(unit, { ...target, signal }, record)
    if (hooks === undefined || hooks.objects.length === 0) return await never(signal)
    const asked = { kube: target.kube, objects: hooks.objects, cluster: target.cluster, unit: showUnit(unit) }
    return await watchHooks({ ...asked, timeoutMs: 0, signal }, hooks, world)
  } catch (error) {
    // Without sight of its hooks helm's own words have to do.
    if (error instanceof MgoError) return never(signal)
    throw error
  }
}

function never(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined)
    signal.addEventListener('abort', () => resolve(undefined), { once: true })
  })
}

async function watchHooks(
  asked: Settling & { readonly signal: AbortSignal },
  { notBefore }: Hooks,
  { clock, tell }: Applying['world'],
): Promise<ReleaseVerdict | undefined> {
  const subjects = await subjectsOf(asked.kube, asked.objects)
  const eyes: Eyes = openEyes({ kube: asked.kube, subjects, clock, notBefore })
  let [told, redMs] = ['', 0]
  try {
    while (!asked.signal.aborted) {
      const changed = eyes.changed()
      const look: Look | undefined = eyes.look()
      const { word = 'waiting', says = told } = look?.sum ?? {}
      redMs = word !== 'failed' ? 0 : redMs || clock.now()
      if (look !== undefined && redMs > 0 && (look.isExplained || clock.now() - redMs >= proofMs)) {
        const verdict = verdictOfLook(asked, look.sum)
        return { ...verdict, reason: `a hook of the chart ended it: ${verdict.reason}` }
      }
      if (says !== told && word === 'waiting')
        tell({ kind: 'waiting', cluster: asked.cluster, unit: asked.unit, reason: `hook ${says}` })
      told = says
      const stop = new AbortController()
      await Promise.race([changed, clock.sleep(tickMs, AbortSignal.any([stop.signal, asked.signal]))])
      stop.abort()
    }
    return undefined
  } finally {
    eyes.close()
  }
}
