/**
 * The requests that are being worked on, each until its verdict is on disk.
 *
 * @module
 */
import { messageOf } from '../error.ts'
import { type Deployer, type DeployOptions, refused } from '../deploy/deploy.ts'
import type { Told } from '../event/event.ts'
import type { Cluster, RequestId } from '../release/ids.ts'
import type { DeployRequest } from '../release/request.ts'
import type { Verdict } from '../release/verdict.ts'
import type { Keeper } from './keeper.ts'
import type { Memory } from './memory.ts'

export type Piece = { readonly request: DeployRequest; readonly verdict: Promise<Verdict> }

export type ClusterLoad = { readonly queued: number; readonly underWay: number }

export type Work = {
  begin(request: DeployRequest, resumed?: DeployOptions['resumed']): Piece
  find(id: RequestId): Piece | undefined
  /** Whether it is known to have its commit, or to need none. */
  hasCommit(id: RequestId): boolean
  count(): number
  /** The ids of all these, as they are now. */
  ids(): ReadonlySet<RequestId>
  /** How much is to be done for one cluster; costs nothing. */
  load(cluster: Cluster): ClusterLoad
  /** Of each cluster: how many wait for their commit, and how many are on their way from there to their verdict. */
  loads(): ReadonlyMap<Cluster, ClusterLoad>
  told(told: Told): void
  /** Resolves when everything that has its commit has its verdict, too. */
  settled(): Promise<unknown>
}

export type WorkOptions = {
  readonly deployer: Pick<Deployer, 'deploy'>
  readonly memory: Pick<Memory, 'committed'>
  readonly keeper: Keeper
  readonly warn: (text: string) => void
  /** For every deploy of this server. */
  readonly deploys: DeployOptions
  readonly ended: (request: DeployRequest) => void
}

/** Makes an empty workbench. */
export function workbench({ deployer, memory, keeper, warn, deploys, ended }: WorkOptions): Work {
  const open = new Map<RequestId, Piece>()
  const loads = tally()
  const leave = (request: DeployRequest): void => {
    open.delete(request.id)
    loads.leave(request)
    ended(request)
  }
  return {
    begin(request, resumed) {
      const work = deployer
        .deploy(request, resumed === undefined ? deploys : { ...deploys, resumed })
        .catch((error: unknown) => broken(request, error, warn))
        .then(async (verdict) => ({ verdict, kept: await keeper.once(verdict) }))
      const piece = { request, verdict: work.then(({ verdict }) => verdict) }
      open.set(request.id, piece)
      loads.enter(request)
      if (resumed?.commit !== undefined) loads.commit(request)
      // A verdict that the disk did not take stays here, for whoever asks, until it does.
      void work
        .then(({ verdict, kept }) => (kept === 'kept' ? undefined : keeper.until(verdict)))
        .then(() => leave(request))
      return piece
    },
    find: (id) => open.get(id),
    hasCommit: (id) => loads.committed.has(id),
    count: () => open.size,
    ids: () => new Set(open.keys()),
    load: loads.of,
    loads: loads.all,
    told(told) {
      if (told.kind !== 'committed' && told.kind !== 'unchanged') return
      const piece = open.get(told.id)
      if (piece === undefined) return
      loads.commit(piece.request)
      // Its trailer says the same after a restart.
      memory.committed(told.id, told.commit).catch((error: unknown) => warn(notNoted(told.id, error)))
    },
    settled: () => Promise.all([...loads.committed].flatMap((id) => open.get(id)?.verdict ?? [])),
  }
}

function notNoted(id: RequestId, error: unknown): string {
  return `the commit of ${id} was not noted: ${messageOf(error)}`
}

const nothing: ClusterLoad = { queued: 0, underWay: 0 }

/** Counts along, because it is asked for each request. */
function tally() {
  const loads = new Map<Cluster, ClusterLoad>()
  const of = (cluster: Cluster): ClusterLoad => loads.get(cluster) ?? nothing
  const add = (cluster: Cluster, queued: number, underWay: number): void => {
    const before = of(cluster)
    const now = { queued: before.queued + queued, underWay: before.underWay + underWay }
    if (now.queued + now.underWay > 0) loads.set(cluster, now)
    else loads.delete(cluster)
  }
  const committed = new Set<RequestId>()
  return {
    of,
    all: (): ReadonlyMap<Cluster, ClusterLoad> => loads,
    committed: committed as ReadonlySet<RequestId>,
    enter: ({ cluster }: DeployRequest) => add(cluster, 1, 0),
    commit({ id, cluster }: DeployRequest) {
      if (!committed.has(id)) add(cluster, -1, 1)
      committed.add(id)
    },
    leave({ id, cluster }: DeployRequest) {
      if (committed.delete(id)) add(cluster, 0, -1)
      else add(cluster, -1, 0)
    },
  }
}

/** A deployer that throws has a bug; the request still gets its verdict, and the next one is not hurt. */
function broken(request: DeployRequest, error: unknown, warn: WorkOptions['warn']): Verdict {
  warn(`${request.id}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
  const problem = {
    code: 'INTERNAL' as const,
    message: 'mgo itself failed; its log has the cause',
    hint: 'This is a bug of mgo: please report it.',
  }
  return { ...refused(request, [problem]), verdict: 'failed' }
}
