/**
 * A deploy's way to its cluster, with an end: however long the cluster is silent, there is a verdict.
 *
 * @module
 */
import type { Problem } from '../error.ts'
import type { World } from '../ports.ts'
import type { Commit } from '../release/ids.ts'
import { type Verdict, type Word, worse } from '../release/verdict.ts'
import type { ClusterLine, Want } from './cluster.ts'
import { type AskedOf, gaveUp } from './gave-up.ts'

/** Beyond what its releases may take to get ready: the queue before the cluster, charts, hooks. */
const graceMs = 15 * 60_000

/** Milliseconds that these releases may take to get ready. */
export function patienceOf(
  releases: readonly { readonly timeoutMs: number }[],
  { timeoutMs }: { readonly timeoutMs?: number | undefined },
): number {
  return timeoutMs ?? Math.max(0, ...releases.map((one) => one.timeoutMs))
}

type Summed = Pick<Verdict, 'verdict' | 'releases' | 'others' | 'problem'>
type Bringing = {
  readonly asked: AskedOf
  readonly world: World
  /** Milliseconds that a cluster may be silent, and then its releases take to get ready. */
  readonly timeMs: number
}
type BroughtTo = { readonly verdict: Summed; readonly appliedAt: number; readonly commit?: Commit }

/** A cluster that cannot be reached fails the request, but the commit is there and says so. */
export async function bring(line: ClusterLine, want: Want, { asked, world, timeMs }: Bringing): Promise<BroughtTo> {
  const limitMs = 2 * timeMs + graceMs
  const untilMs = world.clock.now() + timeMs
  try {
    const brought = await inTime(line.bring({ ...want, untilMs }), limitMs, world)
    if (brought === undefined) return { verdict: outOfTime(limitMs), appliedAt: 0 }
    const { releases, others, appliedAt, commit } = brought
    const word = releases.map((one) => one.verdict).reduce<Word>(worse, 'unchanged')
    return { verdict: { verdict: word, releases, ...(others.length > 0 ? { others } : {}) }, appliedAt, commit }
  } catch (error) {
    const { problem } = gaveUp(asked, error, 0)
    return { verdict: { verdict: 'failed', releases: [], ...(problem === undefined ? {} : { problem }) }, appliedAt: 0 }
  }
}

/** What `work` gives, or `undefined` when the time is up; the work itself goes on. */
async function inTime<T>(work: Promise<T>, limitMs: number, { clock }: World): Promise<T | undefined> {
  if (!Number.isFinite(limitMs)) return work
  const done = new AbortController()
  try {
    return await Promise.race([work, clock.sleep(limitMs, done.signal).then(() => undefined)])
  } finally {
    done.abort()
  }
}

function outOfTime(limitMs: number): Summed {
  const problem: Problem = {
    code: 'DEADLINE',
    message: `the commit is made, but the cluster gave nothing to judge within ${Math.round(limitMs / 60_000)} minutes`,
    hint: 'Look at the cluster; then run mgo sync, or send the request again.',
  }
  return { verdict: 'timed-out', releases: [], problem }
}
