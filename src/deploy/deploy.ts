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
import { clusterDefaults } from '../manifest/settings.ts'
import type { World } from '../ports.ts'
import type { Cluster, RequestId } from '../release/ids.ts'
import { chartKey } from '../release/release.ts'
import type { DeployRequest } from '../release/request.ts'
import { type ReleaseVerdict, type Timing, type Verdict, type Word, worse } from '../release/verdict.ts'
import { batcher } from './batch.ts'
import { type ClusterLine, clusterLine, type Want } from './cluster.ts'
import { commitBatch, type Outcome } from './commit.ts'
import { readSettings } from './draft.ts'

export type DeployOptions = {
  /** Stops after the push; the cluster is not touched. */
  readonly commitOnly?: boolean
  /** Stops when the API server has taken everything. */
  readonly noWait?: boolean
  /** Milliseconds for the verdict; default: what the release's header says. */
  readonly timeoutMs?: number | undefined
}

export type Deployer = {
  deploy(request: DeployRequest, options?: DeployOptions): Promise<Verdict>
  sync(cluster: Cluster, options?: DeployOptions): Promise<Verdict>
}

/** Makes the deployer of one gitops repo. Neither of its functions rejects. */
export function deployer(world: World): Deployer {
  const commits = batcher<DeployRequest, Outcome>((requests) => commitBatch(requests, world))
  const lines = new Map<Cluster, ClusterLine>()
  const lineOf = (cluster: Cluster): ClusterLine => {
    const line = lines.get(cluster) ?? clusterLine(cluster, world)
    lines.set(cluster, line)
    return line
  }
  const finish = (verdict: Verdict, request?: DeployRequest): Verdict => {
    world.tell({ kind: 'finished', verdict, ...(request === undefined ? {} : { request }) })
    return verdict
  }
  return {
    async deploy(request, options = {}) {
      world.tell({ kind: 'accepted', request })
      const deploying: Deploying = { request, options, world, line: lineOf(request.cluster) }
      const unready = await preflight(request, options, world)
      if (unready !== undefined) return finish(refused(request, [unready]), request)
      const verdict = await commits
        .submit(request)
        .then((outcome) => verdictOf(outcome, deploying))
        .catch((error: unknown) => gaveUp(request, error, world.clock.now()))
      return finish(verdict, request)
    },
    async sync(cluster, options = {}) {
      const asked = { id: world.clock.id(), cluster, acceptedAt: world.clock.now() }
      const verdict = await bringAll(asked, { options, world, line: lineOf(cluster) }).catch((error: unknown) =>
        gaveUp(asked, error, world.clock.now()),
      )
      return finish(verdict)
    },
  }
}

/**
 * What would stop the deploy after its commit is found before it: no context for the cluster in the kubeconfig, no helm.
 * A cluster that does not answer is no reason to refuse: the commit is what counts, and the next sync brings it there.
 */
async function preflight(
  { cluster }: DeployRequest,
  { commitOnly }: DeployOptions,
  world: World,
): Promise<Problem | undefined> {
  if (commitOnly === true) return undefined
  try {
    await canBring(cluster, world)
    return undefined
  } catch (error) {
    if (!(error instanceof MgoError) || error.code.startsWith('GIT_')) return undefined
    return { code: error.code, message: `${error.message}; nothing was committed`, hint: error.hint }
  }
}

async function canBring(cluster: Cluster, world: World): Promise<void> {
  const tip = await world.repo.tip()
  if (tip === undefined) return
  const read = await readSettings(tip, world.repo)
  if (read.kind === 'refused' || (await world.repo.tree(tip, `installations/${cluster}`)).size === 0) return
  const { context, engine } = read.settings.clusters.get(cluster) ?? clusterDefaults(cluster)
  for (const one of world.engines) await one.check()
  if (engine !== 'render') await world.kube(context)
}

type Asked = Pick<DeployRequest, 'id' | 'cluster' | 'acceptedAt'>
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
      const brought = await bring(line, { commit, keys, ...waiting(options) }, request)
      return {
        id,
        cluster,
        commit,
        ...brought.verdict,
        timing: { ...timing, ...ended(brought.appliedAt, acceptedAt, world) },
      }
    }
  }
}

async function bringAll(asked: Asked, { options, world, line }: Course): Promise<Verdict> {
  const commit = await world.repo.fetch()
  if (commit === undefined)
    throw new MgoError({
      code: 'GIT_NOT_A_REPO',
      message: `${world.repo.name} is empty`,
      hint: 'Push a first commit to it.',
    })
  const { id, cluster, acceptedAt } = asked
  const brought = await bring(line, { commit, keys: 'all', ...waiting(options) }, asked)
  return {
    id,
    cluster,
    commit,
    ...brought.verdict,
    timing: { acceptedMs: 0, ...ended(brought.appliedAt, acceptedAt, world) },
  }
}

type Summed = Pick<Verdict, 'verdict' | 'releases' | 'others' | 'problem'>

/** A cluster that cannot be reached fails the request, but the commit is there and says so. */
async function bring(
  line: ClusterLine,
  want: Want,
  asked: Asked,
): Promise<{ readonly verdict: Summed; readonly appliedAt: number }> {
  try {
    const { releases, others, appliedAt } = await line.bring(want)
    const word = releases.map((one) => one.verdict).reduce<Word>(worse, 'unchanged')
    return { verdict: { verdict: word, releases, ...(others.length > 0 ? { others } : {}) }, appliedAt }
  } catch (error) {
    const { problem } = gaveUp(asked, error, 0)
    return { verdict: { verdict: 'failed', releases: [], ...(problem === undefined ? {} : { problem }) }, appliedAt: 0 }
  }
}

function waiting({ noWait, timeoutMs }: DeployOptions): Pick<Want, 'noWait' | 'timeoutMs'> {
  return { ...(noWait === undefined ? {} : { noWait }), timeoutMs }
}

function pushedTiming({ times }: Extract<Outcome, { kind: 'committed' }>, acceptedAt: number): Timing {
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
export function refused(request: Asked & { readonly id: RequestId }, problems: readonly Problem[]): Verdict {
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

function gaveUp({ id, cluster, acceptedAt }: Asked, error: unknown, now: number): Verdict {
  const problem: Problem =
    error instanceof MgoError
      ? (error.problems[0] ?? { code: error.code, message: error.message, hint: error.hint })
      : {
          code: 'INTERNAL',
          message: `mgo itself failed: ${error instanceof Error ? error.message : String(error)}`,
          hint: 'This is a bug of mgo: please report it with this text.',
        }
  const timing = { acceptedMs: 0, ...(now > 0 ? { settledMs: now - acceptedAt } : {}) }
  return { id, cluster, verdict: 'failed', releases: [], problem, timing }
}
