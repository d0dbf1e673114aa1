/**
 * How a release stands: what the repo asks for and by whom, what is on the cluster since when, and whether that works.
 * The records cost one LIST for each engine; whether it works is one look at the live objects, the same as a deploy's.
 *
 * @module
 */
import { MgoError } from '../error.ts'
import { plan, type Step } from '../plan/plan.ts'
import type { Target, World } from '../ports.ts'
import type { Cluster, Commit } from '../release/ids.ts'
import type { K8sObject } from '../release/object.ts'
import type { Evidence } from '../release/verdict.ts'
import { requestOf } from '../manifest/message.ts'
import { imagesOf } from '../verdict/images.ts'
import { lanes } from './lane.ts'
import { stepName } from './round.ts'
import { glance } from './glance.ts'
import { engineOf, survey, type Surveyed } from './survey.ts'

/**
 * `healthy`: what the repo asks for runs and works. `moving`: it is on its way. `failed`: it is at an end that waiting
 * does not mend. `superseded`: somebody else changed it. `behind`: the repo asks for something else than what runs.
 * `missing`: it was never brought there. `orphan`: the repo asks for it no longer. `unseen`: nobody looked.
 */
export const states = ['healthy', 'moving', 'failed', 'superseded', 'behind', 'missing', 'orphan', 'unseen'] as const
export type State = (typeof states)[number]

export type Standing = {
  readonly release: string
  readonly cluster: Cluster
  readonly state: State
  /** One sentence: why it is in this state. */
  readonly says: string
  readonly code?: string
  readonly hint?: string
  readonly evidence?: readonly Evidence[]
  /** Images that the cluster was given. */
  readonly runs: readonly string[]
  readonly revision?: number
  /** The hash of all that shaped the revision; absent where mgo did not make it. */
  readonly stamp?: string
  /** RFC 3339: since when this revision is there. */
  readonly since?: string
  /** Who last changed its file in the repo, when (RFC 3339), with which commit, and for which request. */
  readonly by?: string
  readonly at?: string
  readonly commit?: string
  readonly subject?: string
  readonly request?: string
}

type Judgement = Pick<Standing, 'state' | 'says' | 'code' | 'hint' | 'evidence' | 'runs'>

/** How long the API server may take to say how one release is. */
const glanceMs = 5_000
/** Releases that are looked at side by side: each takes a few watches for a moment. */
const width = 16

export type StandingOf = {
  readonly commit: Commit
  /** Whether the live objects are judged, too. */
  readonly look: boolean
  /** Which releases are asked about; default: all. */
  readonly only?: (release: string) => boolean
}

/** How the releases of a cluster stand. */
export async function standing(
  cluster: Cluster,
  { commit, look, only = () => true }: StandingOf,
  world: World,
): Promise<readonly Standing[]> {
  const seen = await survey(cluster, commit, world)
  const lane = lanes(width)
  const steps = plan(seen).filter((step) => only(stepName(step)))
  return Promise.all(steps.map((step, i) => lane(String(i), () => stepStanding(step, { seen, world, look }))))
}

export type Course = { readonly seen: Surveyed; readonly world: World; readonly look: boolean }

/** How the release of one step stands. */
export async function stepStanding(step: Step, course: Course): Promise<Standing> {
  const { cluster, commit } = course.seen.wanted
  const { record } = step
  const base = {
    release: stepName(step),
    cluster,
    ...(record === undefined ? {} : { revision: record.revision }),
    ...(record?.stamp === undefined ? {} : { stamp: record.stamp }),
    ...(record?.since === undefined ? {} : { since: record.since }),
  }
  if (step.kind === 'prune')
    return { ...base, state: 'orphan', says: step.reason, runs: [], hint: 'mgo sync removes it.' }
  const path = step.unit.kind === 'chart' ? step.unit.release.path : step.unit.file.path
  const last = (await course.world.repo.history(commit, path, 1))[0]
  const request = last === undefined ? undefined : requestOf(last.message)
  const asked =
    last === undefined ? {} : { by: last.author, at: last.at, commit: last.commit.slice(0, 12), subject: last.subject }
  const judged = await judgement(step, course).catch(unreadable)
  return { ...base, ...asked, ...(request === undefined ? {} : { request }), ...judged }
}

/** One broken record must not hide how all the others stand. */
function unreadable(error: unknown): Judgement {
  if (!(error instanceof MgoError)) throw error
  return { state: 'unseen', says: error.message, code: error.code, hint: error.hint, runs: [] }
}

type Kept = Exclude<Step, { readonly kind: 'prune' }>

async function judgement(step: Kept, { seen, world, look }: Course): Promise<Judgement> {
  const { record, reason, unit } = step
  if (record === undefined)
    return {
      state: 'missing',
      says: 'the repo asks for it, and it was never brought there',
      hint: 'mgo sync brings it.',
      runs: [],
    }
  const engine = engineOf(unit, world.engines)
  if (step.kind === 'apply' && record.state === 'failed') {
    const hooks = await engine.hooks?.(unit, seen.target, { ...record, revision: record.revision - 1 })
    const found = hooks === undefined ? undefined : await judge(hooks, seen.target, { world, look })
    if (found?.state === 'failed') return { ...found, says: `a hook of the chart ended it: ${found.says}` }
  }
  const objects = await engine.objects(unit, seen.target, record)
  const found = await judge({ objects }, seen.target, { world, look })
  if (step.kind === 'keep') return found
  if (record.state === 'pending') return { ...found, state: 'moving', says: `somebody is at work on it: ${reason}` }
  const says = `${reason}; what runs is ${found.state}: ${found.says}`
  return {
    ...found,
    state: record.state === 'failed' ? 'failed' : 'behind',
    says,
    hint: found.hint ?? 'mgo sync brings it.',
  }
}

type Looking = { readonly world: World; readonly look: boolean }
type Looked = { readonly objects: readonly K8sObject[]; readonly notBefore?: string }

async function judge({ objects, notBefore }: Looked, { kube }: Target, { world, look }: Looking): Promise<Judgement> {
  const runs = imagesOf(objects)
  if (!look) return { state: 'unseen', says: 'nobody looked at its pods', runs }
  const asked = { kube, objects, ...(notBefore === undefined ? {} : { notBefore }) }
  const found = await glance(asked, world.clock, glanceMs)
  if (found === undefined) return { state: 'unseen', says: 'the API server did not say how its objects are', runs }
  const { word, says, code, hint, evidence } = found.sum
  const failed = code === 'SUPERSEDED' ? 'superseded' : 'failed'
  return {
    state: word === 'failed' ? failed : word === 'current' ? 'healthy' : 'moving',
    says,
    ...(code === undefined ? {} : { code }),
    ...(hint === undefined ? {} : { hint }),
    ...(evidence === undefined ? {} : { evidence }),
    runs,
  }
}
