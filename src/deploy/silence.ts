/**
 * Waits for a cluster that does not answer, and says so, so that whoever follows a deploy does not look at nothing. A
 * cluster that comes back in time costs a deploy its time, not its end (docs/decisions/0075).
 *
 * @module
 */
import { MgoError } from '../error.ts'
import type { Clock, Kube, World } from '../ports.ts'
import type { Cluster } from '../release/ids.ts'

/** An API server that is well answers long before; then again and again. Milliseconds. */
const firstMs = 5_000
const againMs = 30_000
/** Between two tries: 1, 2, 4 … seconds, and this at most. */
const longestPauseMs = 10_000

export type Silence = {
  readonly cluster: Cluster
  /** `namespace/name` of what waits for it. */
  readonly units: readonly string[]
  /** Milliseconds since the epoch when there is nothing more to wait for. */
  readonly untilMs: number
  /** Whether a cluster that cannot be reached is tried again; else that ends it at once. */
  readonly isPatient: boolean
  /** `undefined` while mgo still logs in. */
  readonly kube: () => Pick<Kube, 'hearing' | 'server'> | undefined
  readonly company: Company
  readonly world: Pick<World, 'clock' | 'tell'>
}

/** Those who wait for one cluster: they try again together, and one word is enough for all who wait for a release. */
export type Company = {
  /** Until it is time to try again, or somebody got through. */
  pause(): Promise<void>
  /** The cluster has answered. */
  answered(): void
  /** Whether nobody has told of this release a moment ago. */
  isNews(unit: string): boolean
}

/** Makes the company of one cluster. */
export function companyOf(clock: Clock): Company {
  let turn = 0
  let resting: { readonly end: AbortController; readonly over: Promise<void> } | undefined
  const told = new Map<string, number>()
  return {
    pause() {
      if (resting === undefined) {
        const end = new AbortController()
        const over = clock.sleep(Math.min(longestPauseMs, 1_000 * 2 ** turn++), end.signal).then(() => {
          resting = undefined
        })
        resting = { end, over }
      }
      return resting.over
    },
    answered() {
      turn = 0
      told.clear()
      resting?.end.abort()
    },
    isNews(unit) {
      const isNew = clock.now() - (told.get(unit) ?? Number.NEGATIVE_INFINITY) >= firstMs
      if (isNew) told.set(unit, clock.now())
      return isNew
    },
  }
}

/** Whether an error says no more than that nobody answers, or that who answers is in trouble. */
export function isSilence(error: unknown): error is MgoError {
  return error instanceof MgoError && (error.code === 'KUBE_UNREACHABLE' || error.code === 'KUBE_FAILED')
}

/** Since when nothing was heard of a cluster, milliseconds since the epoch; `undefined`: it answers, or has only just been asked. */
export function silentSince(kube: Pick<Kube, 'hearing'>, now: number): number | undefined {
  const { silentSince: since, why } = kube.hearing()
  return since !== undefined && (why !== undefined || now - since >= firstMs) ? since : undefined
}

type Course = Silence & {
  readonly begunMs: number
  readonly over: AbortSignal
  failure: MgoError | undefined
}

/**
 * What `work` gives, which asks the cluster for something. Throws what it throws; while the cluster is silent and there is
 * time, only when that is up: then KUBE_UNREACHABLE.
 */
export async function untilAnswered<T>(work: () => Promise<T>, silence: Silence): Promise<T> {
  const end = new AbortController()
  const course: Course = { ...silence, begunMs: silence.world.clock.now(), over: end.signal, failure: undefined }
  void say(course)
  try {
    return await Promise.race([tried(work, course), deadline(course)])
  } finally {
    end.abort()
  }
}

/** Sooner than this nobody was away. Milliseconds. */
const blipMs = 1_000

/**
 * What `work` gives, which changes something on the cluster; once more where the cluster was away meanwhile. What fails
 * twice with a cluster that answers at once has another cause: an API that nobody serves says the same words.
 */
export async function throughSilence<T>(work: () => Promise<T>, silence: Silence & Ping): Promise<T> {
  const { world, ping } = silence
  for (let blips = 0; ; ) {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof MgoError) || error.code !== 'KUBE_UNREACHABLE') throw error
      const asked = world.clock.now()
      if (asked >= silence.untilMs) throw error
      await untilAnswered(ping, silence)
      if (world.clock.now() - asked < blipMs && ++blips > 1) throw error
    }
  }
}

type Ping = { readonly ping: () => Promise<void> }

async function tried<T>(work: () => Promise<T>, course: Course): Promise<T> {
  const { company, isPatient, over } = course
  for (;;) {
    try {
      const answer = await work()
      company.answered()
      return answer
    } catch (error) {
      if (!isPatient || !isSilence(error)) throw error
      course.failure = error
      await company.pause()
      if (over.aborted) throw error
    }
  }
}

/** Rejects when time is up and the cluster is silent: who answers, slowly, has more time, which others count. */
async function deadline(course: Course): Promise<never> {
  const { untilMs, world, over } = course
  if (!Number.isFinite(untilMs)) return never
  for (let ms = untilMs - world.clock.now(); ; ms = firstMs) {
    await world.clock.sleep(Math.max(ms, 0), over)
    if (over.aborted) return never
    const since = quietSince(course)
    if (since !== undefined) throw gaveUp(course, since)
  }
}

const never = new Promise<never>(() => undefined)

/** Since when this course hears nothing. */
function quietSince({ kube, failure, begunMs, world }: Course): number | undefined {
  const known = kube()
  if (known === undefined) return begunMs
  return silentSince(known, world.clock.now()) ?? (failure === undefined ? undefined : begunMs)
}

function gaveUp(course: Course, since: number): MgoError {
  const { cluster, kube, failure, world } = course
  const waited = `${secondsOf(world.clock.now() - since)}, until its time was up`
  const said = failure?.message ?? kube()?.hearing().why ?? `the API server ${kube()?.server ?? ''} gives no answer`
  return new MgoError({
    code: failure?.code ?? 'KUBE_UNREACHABLE',
    message: `${said} (${cluster} was waited for ${waited})`,
    hint: failure?.hint ?? 'Is the cluster up, and can this machine reach it?',
  })
}

async function say(course: Course): Promise<void> {
  const { cluster, units, world, company, over } = course
  for (let ms = firstMs; ; ) {
    await world.clock.sleep(ms, over)
    if (over.aborted) return
    const since = quietSince(course)
    ms = since === undefined ? 1_000 : againMs
    if (since === undefined) continue
    const reason = sayingOf(course, since)
    for (const unit of units) if (company.isNews(unit)) world.tell({ kind: 'waiting', cluster, unit, reason })
  }
}

function sayingOf({ cluster, untilMs, isPatient, failure, world }: Course, since: number): string {
  const why = failure === undefined ? '' : ` (${failure.message})`
  const more = isPatient && Number.isFinite(untilMs) ? `; it is tried again until ${hourOf(untilMs)}` : ''
  return `the API server of ${cluster} has not answered for ${secondsOf(world.clock.now() - since)}${why}${more}`
}

function secondsOf(ms: number): string {
  return `${Math.round(ms / 1000)} s`
}

/** `12:31:10 UTC` */
export function hourOf(ms: number): string {
  return `${new Date(ms).toISOString().slice(11, 19)} UTC`
}
