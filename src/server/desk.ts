/**
 * The front desk: takes requests, has them kept before it says so, and hands out verdicts to whoever waits. Whatever
 * happens to a request, it ends in one verdict; nothing that a request does can end the process.
 *
 * @module
 */
import type { Deployer, DeployOptions } from '../deploy/deploy.ts'
import { MgoError } from '../error.ts'
import type { Tell, Told } from '../event/event.ts'
import type { Clock } from '../ports.ts'
import type { Cluster, RequestId } from '../release/ids.ts'
import type { DeployRequest } from '../release/request.ts'
import { type Backlog, backlog } from './backlog.ts'
import { keeper } from './keeper.ts'
import type { Known, Listing, Memory, OnceKey } from './memory.ts'
import { type Asking, type Once, onceKey, type Question, questionKey } from './once.ts'
import { type Patience, patience } from './patience.ts'
import { type ClusterLoad, type Work, workbench } from './work.ts'

/** `again`: the key or the delivery id came before, and this is the request of that time. */
export type Accepted = { readonly kind: 'new' | 'again'; readonly request: DeployRequest }

export type Desk = {
  /**
   * Resolves when the request is on disk; it then goes on whatever happens to the caller.
   *
   * @throws MgoError OVERLOADED, CLUSTER_FULL, JOURNAL_FAILED, IDEMPOTENCY_MISMATCH, REQUEST_INVALID (the key)
   */
  accept(asking: Asking, once?: Once): Promise<Accepted>
  /** The request that this key of a caller stands for already. Throws IDEMPOTENCY_MISMATCH, REQUEST_INVALID (the key). */
  again(principal: string | undefined, once: Question): Promise<Accepted | undefined>
  /** Throws OVERLOADED where no request would be taken at the moment: said before its body is read. */
  room(): void
  /** The verdict, or what is known after `waitMs` or when the server goes down. `undefined`: no such request. */
  verdict(id: RequestId, waitMs: number): Promise<Known | undefined>
  /** Ends a request that has no commit yet. `undefined`: no such request. Throws CANCEL_TOO_LATE, OVERLOADED. */
  cancel(id: RequestId): Promise<Known | undefined>
  /** How much is to be done for each cluster. */
  loads(): ReturnType<Work['loads']>
  /** Why nothing could be accepted a moment ago: the disk. */
  trouble(): string | undefined
  /** What was asked, the newest first. */
  list(listing: Listing): Promise<readonly Known[]>
  /** Begins to take up what an earlier process left open, in its order; says how many that are. */
  resume(): Promise<number>
  /** Notes what an event says of a request. */
  told(told: Told): void
  /** Takes nothing more; resolves when the push and the deploys under way have ended, or `withinMs` has passed. */
  drain(withinMs: number): Promise<void>
}

export type DeskOptions = {
  readonly deployer: Pick<Deployer, 'deploy' | 'withdraw' | 'close'>
  readonly memory: Memory
  readonly clock: Clock
  readonly warn: (text: string) => void
  /** Hears how requests end that are not worked on any more. */
  readonly tell: Tell
  /** For every deploy of this server. */
  readonly deploys: DeployOptions
  /** More are told to come again. */
  readonly limits: Load
}

/** Requests without a verdict, and the bytes that they take. */
export type Load = { readonly requests: number; readonly bytes: number }

/** Opens the desk. */
export function openDesk(options: DeskOptions): Desk {
  const { deployer, memory, clock, warn, tell, deploys, limits } = options
  const waits = patience(clock)
  const scale = weighing(limits, waits)
  const keep = keeper({ memory, warn, waits })
  const ended = (request: DeployRequest) => scale.off(request)
  const work = workbench({ deployer, memory, keeper: keep, warn, deploys, ended })
  const left = backlog({ memory, work, waits, keeper: keep, ended, warn, tell })
  const disk = diskTrouble(clock)
  return {
    accept: (asking, once) => accept(asking, once, { memory, clock, deploys, scale, left, work }).catch(disk.note),
    again: async (principal, once) => again(questionKey(principal, once), memory),
    room: scale.room,
    trouble: disk.now,
    loads: () => work.loads(),
    verdict: (id, waitMs) => verdictOf(id, waitMs, { clock, memory, work, waits }),
    cancel: (id) => cancel(id, { deployer, memory, work }),
    list: (listing) => memory.list(listing),
    async resume() {
      const before = await memory.counted()
      scale.start(before)
      left.begin()
      return before.requests
    },
    told: (told) => work.told(told),
    async drain(withinMs) {
      const endMs = clock.now() + withinMs
      waits.close()
      await waits.atMost(deployer.close(), withinMs)
      await waits.atMost(work.settled(), Math.max(1, endMs - clock.now()))
      // Nobody died here, so nothing that is left is suspect.
      await memory.calm().catch(() => undefined)
      waits.end()
    },
  }
}

/** How long a refusal by the disk counts: without traffic nobody would notice that there is room again. */
const troubleMs = 5_000

function diskTrouble({ now }: Pick<Clock, 'now'>) {
  let last: { readonly at: number; readonly message: string } | undefined
  return {
    note: (error: unknown): never => {
      if (error instanceof MgoError && error.code === 'JOURNAL_FAILED') last = { at: now(), message: error.message }
      throw error
    },
    now: () => (last !== undefined && now() - last.at < troubleMs ? last.message : undefined),
  }
}

type Accepting = Pick<DeskOptions, 'memory' | 'clock' | 'deploys'> & {
  readonly scale: Scale
  readonly left: Backlog
  readonly work: Work
}

async function accept(asking: Asking, once: Once | undefined, course: Accepting): Promise<Accepted> {
  const { memory, clock, scale, left, work } = course
  const key = once === undefined ? undefined : onceKey(asking, once)
  const request: DeployRequest = { ...asking, id: clock.id(), acceptedAt: clock.now() }
  if (course.deploys.commitOnly !== true) scale.share(request.cluster, work.load(request.cluster))
  scale.on(request)
  const accepted = await memory.accept(request, key).catch((error: unknown) => {
    scale.off(request)
    throw error
  })
  if (accepted.kind !== 'new') scale.off(request)
  if (accepted.kind === 'mismatch') throw mismatch(accepted.id)
  if (accepted.kind === 'again') return accepted
  // While older requests are being taken up this one comes after them; it is on disk, so it will be met there.
  if (!left.isDone(request.cluster)) left.grew()
  else if (work.find(request.id) === undefined) work.begin(request)
  return accepted
}

async function again(key: OnceKey, memory: Pick<Memory, 'again'>): Promise<Accepted | undefined> {
  const before = await memory.again(key)
  if (before?.kind === 'mismatch') throw mismatch(before.id)
  return before
}

type Scale = ReturnType<typeof weighing>

function weighing(limits: Load, waits: Pick<Patience, 'state'>) {
  let [requests, bytes] = [0, 0]
  const size = (request: DeployRequest) => JSON.stringify(request).length
  const room = (): void => {
    if (waits.state() !== 'open') throw overloaded('this server is going down')
    if (requests >= limits.requests || bytes >= limits.bytes) throw overloaded(`${requests} requests are under way`)
  }
  return {
    start: (before: Load) => {
      requests += before.requests
      bytes += before.bytes
    },
    room,
    /** A cluster whose deploys wait for it may hold as much as is left for all others: there is always room for the next. */
    share: (cluster: Cluster, { queued, underWay }: ClusterLoad) => {
      if (underWay > 0 && queued + underWay >= limits.requests - requests) throw full(cluster, queued + underWay)
    },
    on: (request: DeployRequest) => {
      room()
      requests++
      bytes += size(request)
    },
    off: (request: DeployRequest) => {
      requests--
      bytes -= size(request)
    },
  }
}

type Looking = Pick<DeskOptions, 'clock' | 'memory'> & { readonly work: Work; readonly waits: Patience }

/** How often somebody looks whether a request that waits on disk was taken up. */
const lookMs = 1_000

async function verdictOf(id: RequestId, waitMs: number, looking: Looking): Promise<Known | undefined> {
  const { clock, memory, work, waits } = looking
  const endMs = clock.now() + waitMs
  for (;;) {
    const leftMs = endMs - clock.now()
    const one = work.find(id)
    const verdict = one && (await waits.atMost(one.verdict, leftMs))
    if (one !== undefined && verdict !== undefined) return { request: one.request, verdict }
    const known = await memory.find(id)
    const isOver = known === undefined || known.verdict !== undefined || clock.now() >= endMs
    if (isOver || waits.state() === 'ended') return known
    // An earlier run left it, and it was not taken up yet.
    await waits.atMost(new Promise<never>(() => undefined), Math.min(lookMs, leftMs))
  }
}

type Cancelling = Pick<DeskOptions, 'deployer' | 'memory'> & { readonly work: Work }

async function cancel(id: RequestId, { deployer, memory, work }: Cancelling): Promise<Known | undefined> {
  const one = work.find(id)
  if (one === undefined) {
    const known = await memory.find(id)
    if (known === undefined || known.verdict?.problem?.code === 'REQUEST_CANCELLED') return known
    if (known.verdict === undefined) throw overloaded('the requests of an earlier run are still being taken up')
    throw tooLate(id, `it ended: ${known.verdict.verdict}`)
  }
  if (deployer.withdraw(id) === 'withdrawn') return { request: one.request, verdict: await one.verdict }
  throw tooLate(id, work.hasCommit(id) ? 'it has its commit' : 'its push is under way, or may have gone through')
}

function tooLate(id: RequestId, why: string): MgoError {
  return new MgoError({
    code: 'CANCEL_TOO_LATE',
    message: `the request ${id} cannot be cancelled: ${why}`,
    hint: 'Deploy the image that should run instead.',
  })
}

function mismatch(id: RequestId): MgoError {
  return new MgoError({
    code: 'IDEMPOTENCY_MISMATCH',
    message: `this Idempotency-Key came before with another request (${id})`,
    hint: 'Use a new key for each deploy, and the same one only to send the same deploy again.',
  })
}

function full(cluster: Cluster, count: number): MgoError {
  return new MgoError({
    code: 'CLUSTER_FULL',
    message: `${count} deploys for ${cluster} have no verdict yet; the room that is left is for other clusters`,
    hint: 'Send the request again in a while. GET /v1/clusters says whether that cluster answers.',
  })
}

function overloaded(message: string): MgoError {
  return new MgoError({ code: 'OVERLOADED', message, hint: 'Send the request again in a few seconds.' })
}
