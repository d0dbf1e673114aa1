/**
 * Waits until a release's objects are as asked, at an end, or out of time. Level-triggered: state first, then changes;
 * what is judged is always the state as it is now, never what an event said.
 *
 * An end is said with its cause, so what may explain it is read first, for a second at most. Green is said when it is
 * true, has held for as long as there is reason to doubt it, and everything is still there.
 *
 * @module
 */
import type { Tell } from '../event/event.ts'
import type { Clock, Kube } from '../ports.ts'
import type { Cluster } from '../release/ids.ts'
import type { K8sObject } from '../release/object.ts'
import type { ReleaseVerdict } from '../release/verdict.ts'
import type { Summary } from '../verdict/verdict.ts'
import { type Eyes, type Look, openEyes } from './eyes.ts'
import { glance } from './glance.ts'
import { companyOf, hourOf, isSilence, silentSince, untilAnswered } from './silence.ts'
import { leaving, type Subject, subjectsOf } from './subject.ts'

export type Settling = {
  readonly kube: Kube
  /** The manifests as applied, with their namespace filled in; or what the API server gave back for them. */
  readonly objects: readonly K8sObject[]
  readonly timeoutMs: number
  readonly cluster: Cluster
  readonly unit: string
  /** Ends the wait early, with what is known by then. */
  readonly signal?: AbortSignal
}

export type SettleWorld = { readonly clock: Clock; readonly tell: Tell }

/** Time alone can end a wait (a deadline of the Deployment's own), so the state is judged again this often. */
const tickMs = 1_000
/** Changes come in swarms: one look for all of a swarm. */
const swarmMs = 10
/** How long an end may wait for what explains it. */
const proofMs = 1_000
/** What was applied this short a time ago is there. */
const freshMs = 2_000
/** A cause of this short a time ago is still one. */
const causeMs = 30_000
/** For the last look, with connections of its own, before time is up. */
const lastLookMs = 3_000

/** The course of one wait. */
type Wait = {
  readonly asked: Settling
  readonly world: SettleWorld
  readonly plain: readonly Subject[]
  readonly eyes: Eyes
  readonly startedMs: number
  greenSinceMs: number | undefined
  redSinceMs: number | undefined
  /** What it waits for now, and since when. */
  reason: { readonly says: string; readonly code: string | undefined; readonly sinceMs: number } | undefined
  /** The last time that there was a cause to name: a pod that flaps has none now and then. */
  cause: { readonly sum: Summary; readonly atMs: number } | undefined
  /** Whether a pod was seen ready and then not. */
  hasFallen: boolean
}

/** Gives the verdict; the caller adds revision and release. Throws MgoError KUBE_* where nothing can be seen. */
export async function settle(asked: Settling, world: SettleWorld): Promise<ReleaseVerdict> {
  const { kube, objects, timeoutMs, signal } = asked
  const { clock } = world
  const startedMs = clock.now()
  const waiting = { cluster: asked.cluster, units: [asked.unit], untilMs: startedMs + timeoutMs, isPatient: true }
  const silence = { ...waiting, kube: () => kube, company: companyOf(clock), world }
  const subjects = await untilAnswered(() => subjectsOf(kube, objects), silence)
  const eyes = openEyes({ kube, subjects, clock })
  const plain = subjects.filter((one) => one.kind === 'plain')
  const wait: Wait = {
    asked,
    world,
    plain,
    eyes,
    startedMs,
    greenSinceMs: undefined,
    redSinceMs: undefined,
    reason: undefined,
    cause: undefined,
    hasFallen: false,
  }
  try {
    for (;;) {
      const changed = eyes.changed()
      const look = inTheDark(eyes.look(), wait)
      const end = look === undefined ? undefined : await decide(look, wait)
      if (end !== undefined) return end
      if (signal?.aborted === true) return timedOut(wait, look?.sum ?? blind)
      if (clock.now() - startedMs > timeoutMs) return await lastLook(wait, look?.sum ?? blind)
      await pause(changed, wait, look)
    }
  } finally {
    eyes.close()
  }
}

const blind: Summary = { word: 'waiting', says: 'the API server does not say how its objects are', object: undefined }

/** What is seen of a cluster that fell silent is old: it is waited for, unless it was at an end already. */
function inTheDark(look: Look | undefined, wait: Wait): Look | undefined {
  const sum = darkness(wait)
  if (sum === undefined || look?.sum.word === 'failed') return look
  return { isExplained: true, doubtMs: 0, steadyMs: 0, hasFallen: wait.hasFallen, ...look, sum }
}

function darkness({ asked: { kube, cluster }, world }: Wait): Summary | undefined {
  const since = silentSince(kube, world.clock.now())
  if (since === undefined) return undefined
  const says = `the API server of ${cluster} has not answered since ${hourOf(since)}`
  return { word: 'waiting', says, object: undefined, hint: 'Is the cluster up, and can this machine reach it?' }
}

/** The verdict, or `undefined` where waiting goes on. */
async function decide(look: Look, wait: Wait): Promise<ReleaseVerdict | undefined> {
  const { asked, world } = wait
  const { sum } = look
  const nowMs = world.clock.now()
  wait.greenSinceMs = sum.word === 'current' ? (wait.greenSinceMs ?? nowMs) : undefined
  wait.redSinceMs = sum.word === 'failed' ? (wait.redSinceMs ?? nowMs) : undefined
  if (sum.code !== undefined) wait.cause = { sum, atMs: nowMs }
  wait.hasFallen = look.hasFallen
  if (wait.redSinceMs !== undefined)
    return look.isExplained || nowMs - wait.redSinceMs >= proofMs ? verdictOfLook(asked, sum) : undefined
  if (sum.word === 'current') return green(look, wait)
  if (sum.says !== wait.reason?.says)
    world.tell({ kind: 'waiting', cluster: asked.cluster, unit: asked.unit, reason: sum.says })
  const isSame = wait.reason !== undefined && wait.reason.code === sum.code
  wait.reason = { says: sum.says, code: sum.code, sinceMs: isSame ? (wait.reason?.sinceMs ?? nowMs) : nowMs }
  return undefined
}

/** Green, once it has held, and nothing of the release has been taken away meanwhile. */
async function green(look: Look, wait: Wait): Promise<ReleaseVerdict | undefined> {
  if (!wait.eyes.isLive() || holdMs(look, wait) > 0) return undefined
  const { asked, plain, eyes, world } = wait
  const isFresh = world.clock.now() - wait.startedMs < freshMs
  const doubtful = isFresh ? plain.filter(({ object }) => object.metadata.uid === undefined) : plain
  const gone = await leaving(asked.kube, doubtful).catch((error: unknown) => {
    if (isSilence(error)) return undefined
    throw error
  })
  if (gone === undefined) return undefined
  if (gone.length === 0) return isGreen(eyes.look()) ? verdictOfLook(asked, look.sum) : undefined
  eyes.add(gone)
  return undefined
}

function isGreen(look: Look | undefined): boolean {
  return look !== undefined && look.sum.word === 'current' && look.doubtMs === 0
}

/** How long green must still hold. */
function holdMs(look: Look, { greenSinceMs, world }: Wait): number {
  if (greenSinceMs === undefined) return 0
  return Math.max(look.doubtMs, look.steadyMs - (world.clock.now() - greenSinceMs))
}

/** Until something changes, time may have changed something, or the caller has had enough. */
async function pause(changed: Promise<void>, wait: Wait, look: Look | undefined): Promise<void> {
  const { world, asked } = wait
  const stop = new AbortController()
  const end = () => stop.abort()
  asked.signal?.addEventListener('abort', end, { once: true })
  const rest = asked.timeoutMs - (world.clock.now() - wait.startedMs) + 1
  const hold = look === undefined ? 0 : holdMs(look, wait)
  const ms = Math.max(1, Math.min(tickMs, rest, hold > 0 ? hold : tickMs))
  await Promise.race([changed.then(() => world.clock.sleep(swarmMs)), world.clock.sleep(ms, stop.signal)])
  asked.signal?.removeEventListener('abort', end)
  stop.abort()
}

/**
 * Before time is up everything is read once more, through connections of its own: a watch that fell silent must not make
 * a healthy release look late.
 */
async function lastLook(wait: Wait, sum: Summary): Promise<ReleaseVerdict> {
  const { asked, world } = wait
  const now = await glance(asked, world.clock, lastLookMs).catch(() => undefined)
  if (now?.sum.word === 'failed') return verdictOfLook(asked, now.sum)
  // What was seen over time says more than one look: a pod that flaps is ready now and then.
  if (now?.sum.word === 'current' && sum.word !== 'current' && !wait.hasFallen) return verdictOfLook(asked, now.sum)
  return timedOut(wait, sum === blind && now !== undefined ? now.sum : sum)
}

/** What is told of a release that is as asked or at an end. */
export function verdictOfLook(asked: Pick<Settling, 'unit'>, sum: Summary): ReleaseVerdict {
  const { says, code, hint, evidence } = sum
  const failed = code === 'SUPERSEDED' ? 'superseded' : 'failed'
  return {
    release: asked.unit,
    verdict: sum.word === 'failed' ? failed : 'healthy',
    reason: says,
    ...(code === undefined ? {} : { code }),
    ...(evidence === undefined ? {} : { evidence }),
    ...(hint === undefined ? {} : { hint }),
  }
}

function timedOut(wait: Wait, last: Summary): ReleaseVerdict {
  const { asked, world, reason } = wait
  const dark = darkness(wait)
  const sum = dark ?? lastCause(wait, last)
  const seconds = (ms: number) => `${Math.round(ms / 1000)} s`
  const isSame = reason !== undefined && reason.code === sum.code
  const since = isSame ? `, for ${seconds(world.clock.now() - reason.sinceMs)} now` : ''
  return {
    ...verdictOfLook(asked, sum),
    verdict: 'timed-out',
    reason: `not done after ${seconds(asked.timeoutMs)}; it waits${since}: ${sum.says}`,
    ...(dark === undefined ? {} : { code: 'KUBE_UNREACHABLE' }),
    hint: sum.hint ?? 'Look at its pods, or give it more time with `timeout:` in the header.',
  }
}

function lastCause({ cause, world }: Wait, last: Summary): Summary {
  if (last.code === undefined && cause !== undefined && world.clock.now() - cause.atMs < causeMs) return cause.sum
  return last.word === 'current' ? { ...last, says: `${last.says}, and not for long enough yet to be believed` } : last
}
