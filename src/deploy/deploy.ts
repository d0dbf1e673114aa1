/**
 * The story of a deploy: request → commit → push → plan → apply → verdict.
 *
 * Each part stands on its own page: `commit.ts` (requests become pushed commits), `cluster.ts` (a cluster is brought to
 * a commit), `settle.ts` (the new pods are watched until they are ready or at an end). A sync is the same from the plan
 * on. Every call ends in exactly one verdict; what goes wrong on the way is one, too.
 *
 * @module
 */
import { MgoError, type Problem } from '../error.ts'
import type { World } from '../ports.ts'
import type { Cluster, Commit, RequestId } from '../release/ids.ts'
import { chartKey } from '../release/release.ts'
import type { DeployRequest } from '../release/request.ts'
import { type ReleaseVerdict, type Timing, type Verdict } from '../release/verdict.ts'
import { bring, patienceOf } from './bring.ts'
import { type ClusterLine, clusterLine, type Want } from './cluster.ts'
import { commitBatch } from './commit.ts'
import { type AskedOf, gaveUp } from './gave-up.ts'
import { pushedBefore } from './landed.ts'
import type { Outcome } from './outcome.ts'
import { type Attempting, type CommitQueue, commitQueue } from './queue.ts'
import { replacement } from './replaced.ts'
import { unready } from './unready.ts'

export type DeployOptions = {
  /** Stops after the push; the cluster is not touched. */
  readonly commitOnly?: boolean
  /** Stops when the API server has taken everything. */
  readonly noWait?: boolean
  /** Milliseconds for the verdict; default: what the release's header says. */
  readonly timeoutMs?: number | undefined
  /** Milliseconds that it waits for a git server that is away; by default it does not wait. */
  readonly patienceMs?: number
  /** A cluster that cannot be reached is tried again until the deploy's time is up; by default that ends it at once. */
  readonly isPatient?: boolean
  /** An earlier process took it up. */
  readonly resumed?: Resumed
}

/** Its commit where that is known, else the tip that a push of it stood upon, and who takes its place if it never came through. `isTold`: whoever follows has heard that it was accepted. */
type Resumed = {
  readonly isTold: boolean
  readonly commit: Commit | undefined
  readonly base: Commit | undefined
  readonly later: RequestId | undefined
}

export type Deployer = {
  deploy(request: DeployRequest, options?: DeployOptions): Promise<Verdict>
  sync(cluster: Cluster, options?: DeployOptions): Promise<Verdict>
} & Pick<CommitQueue, 'withdraw' | 'trouble' | 'close'>

/** What somebody wants to keep before a push is tried. */
export type DeployerOptions = { readonly attempting?: Attempting }

/** The queue before the commit; before each push `note` is waited for. */
function commitsOf(world: World, note: Attempting): CommitQueue {
  const { repo, clock, tell } = world
  return commitQueue({
    clock,
    repo,
    say: (text) => tell({ kind: 'note', text }),
    commit: (batch, attempting) => {
      const both: Attempting = async (ids, base) => {
        await note(ids, base)
        await attempting(ids, base)
      }
      return commitBatch(batch, { repo, clock, tell, attempting: both, unready: (some) => unready(some, world) })
    },
  })
}

/** Makes the deployer of one gitops repo. Neither `deploy` nor `sync` rejects. No secret gets out with a verdict. */
export function deployer(world: World, { attempting = async () => undefined }: DeployerOptions = {}): Deployer {
  const { clock, tell, secrets } = world
  const commits = commitsOf(world, attempting)
  const lines = new Map<Cluster, ClusterLine>()
  const lineOf = (cluster: Cluster): ClusterLine => {
    const line = lines.get(cluster) ?? clusterLine(cluster, world)
    lines.set(cluster, line)
    return line
  }
  return {
    withdraw: (id) => commits.withdraw(id),
    trouble: () => commits.trouble(),
    close: () => commits.close(),
    async deploy(request, options = {}) {
      if (options.resumed?.isTold !== true) tell({ kind: 'accepted', request })
      const deploying: Deploying = { request, options, world, line: lineOf(request.cluster) }
      const verdict = await committed(deploying, commits)
        .then((outcome) => verdictOf(outcome, deploying))
        .catch((error: unknown) => gaveUp(request, error, clock.now()))
        .then((found) => secrets.hide(found))
      tell({ kind: 'finished', verdict, request })
      return verdict
    },
    async sync(cluster, options = {}) {
      const asked = { id: clock.id(), cluster, acceptedAt: clock.now() }
      const verdict = await bringAll(asked, { options, world, line: lineOf(cluster) })
        .catch((error: unknown) => gaveUp(asked, error, clock.now()))
        .then((found) => secrets.hide(found))
      tell({ kind: 'finished', verdict })
      return verdict
    },
  }
}

/** Brings a request to its commit, unless it is known to have one. */
function committed({ request, options, world }: Deploying, commits: CommitQueue): Promise<Outcome> {
  const { resumed, commitOnly = false, patienceMs = 0 } = options
  if (resumed?.commit !== undefined) return pushedBefore(request, resumed.commit, world.repo)
  return commits.submit(
    { request, base: resumed?.base, later: resumed?.later, commitOnly },
    world.clock.now() + patienceMs,
  )
}

type Course = { readonly options: DeployOptions; readonly world: World; readonly line: ClusterLine }
type Deploying = Course & { readonly request: DeployRequest }

async function verdictOf(outcome: Outcome, { request, options, world, line }: Deploying): Promise<Verdict> {
  const { id, cluster, acceptedAt } = request
  switch (outcome.kind) {
    case 'refused':
      return refused(request, outcome.problems)
    case 'superseded':
      return { id, cluster, verdict: 'superseded', releases: [], supersededBy: outcome.by, timing: { acceptedMs: 0 } }
    case 'committed':
    case 'unchanged': {
      const { commit } = outcome
      const timing = outcome.kind === 'committed' ? pushedTiming(outcome, acceptedAt) : { acceptedMs: 0 }
      const word = outcome.kind
      if (options.commitOnly === true)
        return { id, cluster, commit, verdict: word, releases: outcome.releases.map(named(word)), timing }
      const keys = new Set(outcome.releases.map(chartKey))
      const isPatient = options.isPatient ?? false
      const want: Want = { commit, keys, ...waiting(options), isPatient }
      const brought = await bring(line, want, { asked: request, world, timeMs: patienceOf(outcome.releases, options) })
      const replaced = await replacement(outcome, brought.commit ?? commit, world.repo)
      return {
        id,
        cluster,
        commit,
        ...(replaced ?? brought.verdict),
        timing: { ...timing, ...ended(brought.appliedAt, acceptedAt, world) },
      }
    }
  }
}

async function bringAll(asked: AskedOf, { options, world, line }: Course): Promise<Verdict> {
  const commit = await world.repo.fetch()
  if (commit === undefined)
    throw new MgoError({
      code: 'GIT_NOT_A_REPO',
      message: `${world.repo.name} is empty`,
      hint: 'Push a first commit to it.',
    })
  const { id, cluster, acceptedAt } = asked
  const course = { asked, world, timeMs: Number.POSITIVE_INFINITY }
  const brought = await bring(line, { commit, keys: 'all', ...waiting(options) }, course)
  return {
    id,
    cluster,
    commit,
    ...brought.verdict,
    timing: { acceptedMs: 0, ...ended(brought.appliedAt, acceptedAt, world) },
  }
}

function waiting({ noWait, timeoutMs }: DeployOptions): Pick<Want, 'noWait' | 'timeoutMs'> {
  return { ...(noWait === undefined ? {} : { noWait }), timeoutMs }
}

function pushedTiming({ times }: Extract<Outcome, { kind: 'committed' }>, acceptedAt: number): Timing {
  if (times === undefined) return { acceptedMs: 0 }
  return { acceptedMs: 0, committedMs: times.committedAt - acceptedAt, pushedMs: times.pushedAt - acceptedAt }
}

function ended(appliedAt: number, acceptedAt: number, { clock }: World): Partial<Timing> {
  return { ...(appliedAt > 0 ? { appliedMs: appliedAt - acceptedAt } : {}), settledMs: clock.now() - acceptedAt }
}

function named(
  word: 'committed' | 'unchanged',
): (release: { readonly namespace: string; readonly name: string }) => ReleaseVerdict {
  const reason =
    word === 'committed'
      ? 'the commit is made; the cluster was not touched'
      : 'the repo says so already; nothing was committed'
  return ({ namespace, name }) => ({ release: `${namespace}/${name}`, verdict: word, reason })
}

/** The verdict of a request that nothing was done about. */
export function refused(request: AskedOf & { readonly id: RequestId }, problems: readonly Problem[]): Verdict {
  const [problem] = problems
  const { id, cluster } = request
  const told = problems.slice(1).map((one): ReleaseVerdict => {
    return { release: one.at?.file ?? cluster, verdict: 'refused', reason: one.message, code: one.code, hint: one.hint }
  })
  return {
    id,
    cluster,
    verdict: 'refused',
    releases: told,
    ...(problem === undefined ? {} : { problem }),
    timing: { acceptedMs: 0 },
  }
}
