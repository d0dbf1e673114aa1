/**
 * Why a release is as it is, at any time: also while it moves, and for a request of yesterday. Answered from git and
 * from the live objects, so it needs no memory.
 *
 * @module
 */
import { MgoError } from '../error.ts'
import { deployOf } from '../manifest/message.ts'
import { didYouMean } from '../manifest/nearest.ts'
import { plan } from '../plan/plan.ts'
import type { LastChange, World } from '../ports.ts'
import { type Cluster, type Commit, parseCluster, parseRequestId, type RequestId } from '../release/ids.ts'
import { isNamed } from './fed.ts'
import { stepName } from './round.ts'
import { type Standing, stepStanding } from './standing.ts'
import { survey } from './survey.ts'

export type Why = {
  /** Where a request was asked about: what it said, and by whom. */
  readonly request?: {
    readonly id: RequestId
    readonly commit: string
    readonly by: string
    readonly at: string
    readonly subject: string
  }
  readonly releases: readonly Standing[]
}

export type Asked = {
  /** `web`, `app/web`, `network-raw.yaml`, or the id of a request. */
  readonly what: string
  readonly commit: Commit
  /** Where the repo has more than one; a request knows its own. */
  readonly cluster: () => Promise<Cluster>
}

/** Answers. Throws REQUEST_UNKNOWN, RELEASE_UNKNOWN, USAGE, and what a survey throws. */
export async function why({ what, commit, cluster }: Asked, world: World): Promise<Why> {
  const id = parseRequestId(what.toUpperCase())
  if (id !== undefined) return whyRequest(id, commit, world)
  return { releases: [await whyRelease(what, { commit, cluster: await cluster() }, world)] }
}

type Where = { readonly commit: Commit; readonly cluster: Cluster }

async function whyRelease(name: string, { commit, cluster }: Where, world: World): Promise<Standing> {
  const seen = await survey(cluster, commit, world)
  const steps = plan(seen)
  const found = steps.filter((step) => isNamed(stepName(step), name))
  const [step] = found
  if (step !== undefined && found.length === 1) return stepStanding(step, { seen, world, look: true })
  throw new MgoError({
    code: found.length === 0 ? 'RELEASE_UNKNOWN' : 'USAGE',
    message: `${cluster} has ${found.length === 0 ? 'no release' : 'more than one release'} ${JSON.stringify(name)}`,
    hint: found.length > 1 ? `Say which: ${found.map(stepName).join(', ')}.` : didYouMean(name, steps.map(stepName)),
  })
}

async function whyRequest(id: RequestId, tip: Commit, world: World): Promise<Why> {
  const commit = (await world.repo.requestsIn(undefined, tip)).get(id)
  const made = commit === undefined ? undefined : (await world.repo.history(commit, 'installations', 1))[0]
  if (made === undefined) throw unknownRequest(id, world.repo.name)
  const { cluster: name, releases } = deployOf(made.message)
  const cluster = parseCluster(name)
  if (cluster === undefined) throw unknownRequest(id, world.repo.name)
  const standings = await Promise.all(
    releases.map(async (release) => afterwards(await whyRelease(release, { commit: tip, cluster }, world), made)),
  )
  const { commit: at, author, subject } = made
  return { request: { id, commit: at.slice(0, 12), by: author, at: made.at, subject }, releases: standings }
}

/** A later commit took its place: then what runs is no answer to this request. */
function afterwards(standing: Standing, made: LastChange): Standing {
  if (standing.commit === undefined || made.commit.startsWith(standing.commit)) return standing
  return {
    ...standing,
    state: 'superseded',
    says: `a later commit took its place (${standing.subject ?? standing.commit}); that one is ${standing.state}: ${standing.says}`,
  }
}

function unknownRequest(id: RequestId, repo: string): MgoError {
  return new MgoError({
    code: 'REQUEST_UNKNOWN',
    message: `${repo} has no commit of the request ${id}`,
    hint: 'It changed nothing, or was refused: its server knows (--server). A commit names its request in Mgo-Request.',
  })
}
