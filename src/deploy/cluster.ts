/**
 * Brings one cluster to a commit, for many askers at once.
 *
 * Askers that come while a plan is being made share the next plan. A unit is worked on by one hand at a time; different
 * units go in parallel. Each asker hears about the releases they asked for; what else the same round found broken is
 * told beside it, not instead of it.
 *
 * @module
 */
import type { Problem } from '../error.ts'
import { plan, type Step } from '../plan/plan.ts'
import type { Kube, World } from '../ports.ts'
import type { Cluster, Commit } from '../release/ids.ts'
import { showUnit } from '../release/release.ts'
import type { ReleaseVerdict } from '../release/verdict.ts'
import { batcher } from './batch.ts'
import { lanes } from './lane.ts'
import { lately } from './lately.ts'
import { publish } from './publish.ts'
import { begin, type Done, type Round, stepKey, verdictOf } from './round.ts'
import { companyOf, untilAnswered } from './silence.ts'
import { survey, type Surveyed } from './survey.ts'

export type Want = {
  readonly commit: Commit
  /** The units asked for; `all` for a sync. */
  readonly keys: ReadonlySet<string> | 'all'
  /** Stops when the API server has taken everything. */
  readonly noWait?: boolean
  /** Milliseconds for the verdict of each release; default: what its header says. */
  readonly timeoutMs?: number | undefined
  /** Milliseconds since the epoch until which it waits for a cluster that does not answer; default: as long as one try takes. */
  readonly untilMs?: number
  /** Whether a cluster that cannot be reached is tried again until then. */
  readonly isPatient?: boolean
}

export type Brought = {
  /** The commit that the cluster was brought to: the newest one, never an older one than was asked for. */
  readonly commit: Commit
  readonly releases: readonly ReleaseVerdict[]
  readonly others: readonly ReleaseVerdict[]
  /** Milliseconds since the epoch when the last of what was asked for had been applied. */
  readonly appliedAt: number
}

/** The line of one cluster. Rejects with MgoError KUBE_*, REPO_INVALID where nothing could be done. */
export type ClusterLine = { bring(want: Want): Promise<Brought> }

/** Opens the line of one cluster. */
export function clusterLine(cluster: Cluster, world: World): ClusterLine {
  const lane = lanes(world.width)
  const known = lately<Done>()
  const company = companyOf(world.clock)
  let kube: Kube | undefined
  const noting = { ...world, kube: async (context: string) => (kube = await world.kube(context)) }
  let published: Promise<readonly ReleaseVerdict[]> = Promise.resolve([])
  const line = batcher<Want, { readonly brought: Promise<Brought> }>(async (wants) => {
    const last = wants.at(-1)
    if (last === undefined) return []
    // Askers come in any order, and somebody else's commit may lie in between: the cluster never goes back.
    const commit = (await world.repo.tip()) ?? last.commit
    const over = known.begin()
    const seen = await survey(cluster, commit, noting).catch((error: unknown) => {
      over()
      throw error
    })
    // One after the other: an older commit that is slow to render must not land on top of a newer one.
    published = published.then(() => publish(seen.wanted, world))
    const round: Round = {
      world,
      target: seen.target,
      steps: plan(seen),
      lane,
      lately: known,
      company,
      verdicts: new Map(),
      applying: new Map(),
      timeoutMs: longest(wants),
      noWait: wants.every((want) => want.noWait === true),
    }
    void begin(round).finally(over)
    const course = { round, seen, published }
    return wants.map((want) => ({ brought: follow(want, course) }))
  })
  const waiting = { cluster, kube: () => kube, company, world }
  return {
    bring: async (want) =>
      (await untilAnswered(() => line.submit(want), { ...waiting, ...limitsOf(want, cluster) })).brought,
  }
}

function limitsOf({ keys, untilMs = Number.POSITIVE_INFINITY, isPatient = false }: Want, cluster: Cluster) {
  return { untilMs, isPatient, units: keys === 'all' ? [cluster] : [...keys].map(shownKey) }
}

/** `chart:app/web` → `app/web`, as events name it. */
function shownKey(key: string): string {
  return key.slice(key.indexOf(':') + 1)
}

function longest(wants: readonly Want[]): number | undefined {
  const asked = wants.flatMap((want) => want.timeoutMs ?? [])
  return asked.length === 0 ? undefined : Math.max(...asked)
}

type Course = { readonly round: Round; readonly seen: Surveyed; readonly published: Promise<readonly ReleaseVerdict[]> }

async function follow(want: Want, { round, seen, published }: Course): Promise<Brought> {
  const asked = round.steps.filter((step) => isAsked(step, want))
  const settled = await Promise.all(asked.map((step) => answer(step, want, round)))
  const names = new Set(
    seen.wanted.rendered.filter((unit) => want.keys === 'all' || want.keys.has(unit.key)).map(showUnit),
  )
  const rendered = names.size === 0 ? [] : (await published).filter((one) => names.has(one.release))
  const wrong = want.keys === 'all' ? seen.wanted.problems.map(unreadable) : []
  const done = await Promise.allSettled(asked.flatMap((step) => round.applying.get(stepKey(step)) ?? []))
  const at = done.map((one) => (one.status === 'fulfilled' ? one.value.at : 0))
  return {
    commit: seen.wanted.commit,
    releases: [...settled, ...rendered, ...wrong],
    others: await settledOthers(asked, round),
    appliedAt: Math.max(0, ...at),
  }
}

function unreadable(problem: Problem): ReleaseVerdict {
  const { at, message, code, hint } = problem
  const place = at === undefined ? '' : `${at.file}:${at.line}:${at.column}: `
  return { release: at?.file ?? 'the repo', verdict: 'failed', reason: `${place}${message}`, code, hint }
}

function isAsked(step: Step, want: Want): boolean {
  if (want.keys === 'all') return true
  return step.kind !== 'prune' && want.keys.has(step.unit.key)
}

/** In a sync an unchanged release costs nothing, so it is not judged either; who asked for it by name gets a verdict. */
function answer(step: Step, want: Want, round: Round): Promise<ReleaseVerdict> {
  if (step.kind !== 'keep' || want.keys !== 'all') return verdictOf(step, round)
  const { unit, record, reason } = step
  return Promise.resolve({ release: showUnit(unit), revision: record.revision, verdict: 'unchanged', reason })
}

/** What else is known to be broken by now. Nobody waits for it. */
async function settledOthers(asked: readonly Step[], round: Round): Promise<readonly ReleaseVerdict[]> {
  const mine = new Set(asked.map(stepKey))
  const open = Symbol('open')
  const rest = [...round.verdicts].filter(([key]) => !mine.has(key))
  const now = await Promise.all(rest.map(([, verdict]) => Promise.race([verdict, Promise.resolve(open)])))
  return now.filter((one) => typeof one !== 'symbol').filter((one) => one.verdict === 'failed')
}
