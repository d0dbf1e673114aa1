/**
 * Applies a unit, and watches what the engine itself waits for meanwhile. Helm says of a failed hook that it failed; its
 * pods say why, and often long before helm gives up.
 *
 * @module
 */
import { MgoError } from '../error.ts'
import type { Applied, Clock, Engine, Target, UnitRecord, World } from '../ports.ts'
import { showUnit, type Unit } from '../release/release.ts'
import type { ReleaseVerdict } from '../release/verdict.ts'
import { type Limits, watchHooks } from './hook-watch.ts'

export type Applying = {
  readonly unit: Unit
  readonly target: Target
  readonly record: UnitRecord | undefined
  readonly engine: Engine
  readonly world: Pick<World, 'clock' | 'tell'>
  /** How long hooks may take; other work of the engine has its own limits. */
  readonly timeoutMs: number
}

/** What came of it: applied, or ended by a hook. */
export type Outcome =
  | { readonly kind: 'applied'; readonly applied: Applied }
  | { readonly kind: 'ended'; readonly verdict: ReleaseVerdict }

/** Most charts are through by then; only who takes longer is asked for hooks. */
const quickMs = 1_000
/** How long a hook's failure may take to be seen after the engine has told of it. */
const afterMs = 1_500

/** Applies. Throws what the engine throws, where no hook is the cause. */
export async function applyWatched(applying: Applying): Promise<Outcome> {
  const { unit, target, record, engine, world } = applying
  const untilMs = world.clock.now() + applying.timeoutMs
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
  const watching = hookVerdict(applying, { signal: over.signal, untilMs })
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
async function hookVerdict(applying: Applying, limits: Limits): Promise<ReleaseVerdict | undefined> {
  const { unit, target, record, engine, world } = applying
  const { signal } = limits
  try {
    const hooks = await engine.hooks?.(unit, { ...target, signal }, record)
    if (hooks === undefined || hooks.objects.length === 0) return await never(signal)
    const asked = { kube: target.kube, ...hooks, cluster: target.cluster, unit: showUnit(unit) }
    return await watchHooks(asked, limits, world)
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
