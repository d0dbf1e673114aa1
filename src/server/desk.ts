/**
 * The front desk: takes requests, has them kept before it says so, and hands out verdicts to whoever waits. Whatever
 * happens to a request, it ends in one verdict; nothing that a request does can end the process.
 *
 * @module
 */
import { type Deployer, refused } from '../deploy/deploy.ts'
import { MgoError } from '../error.ts'
import type { Clock } from '../ports.ts'
import type { Commit, RequestId } from '../release/ids.ts'
import type { DeployRequest } from '../release/request.ts'
import type { Verdict } from '../release/verdict.ts'
import type { Asked } from '../request/request.ts'
import { type Patience, patience } from './patience.ts'

/** What is known of a request. */
export type Known = {
  readonly request: DeployRequest
  readonly commit?: Commit | undefined
  readonly verdict: Verdict | undefined
}

/** What the desk needs of a journal. */
export type Memory = {
  accept(request: DeployRequest): Promise<void>
  finish(verdict: Verdict): Promise<void>
  find(id: RequestId): Promise<Known | undefined>
  unfinished(): Promise<readonly DeployRequest[]>
}

export type Desk = {
  /** Resolves when the request is on disk; it then goes on whatever happens to the caller. Throws OVERLOADED, JOURNAL_FAILED. */
  accept(asked: Asked): Promise<DeployRequest>
  /** The verdict, or what is known after `waitMs` or when the server goes down. `undefined`: no such request. */
  verdict(id: RequestId, waitMs: number): Promise<Known | undefined>
  /** Takes up again what an earlier process left open; says how many. */
  resume(): Promise<number>
  /** Takes nothing more; resolves when what is under way has ended, or `withinMs` has passed. Then nobody waits any more. */
  drain(withinMs: number): Promise<void>
}

export type DeskOptions = {
  readonly deployer: Pick<Deployer, 'deploy'>
  readonly memory: Memory
  readonly clock: Clock
  readonly warn: (text: string) => void
  /** Requests under way at once at most: more are told to come again. */
  readonly most?: number
}

type Open = { readonly request: DeployRequest; readonly work: Promise<Verdict> }

/** Opens the desk. */
export function openDesk({ deployer, memory, clock, warn, most = 5_000 }: DeskOptions): Desk {
  const open = new Map<RequestId, Open>()
  const waits = patience(clock)
  const keep = keeper({ memory, warn, waits })
  let arriving = 0

  const begin = (request: DeployRequest): void => {
    const work = deployer
      .deploy(request)
      .catch((error: unknown) => broken(request, error, warn))
      .then(async (verdict) => ({ verdict, kept: await keep.once(verdict) }))
    open.set(request.id, { request, work: work.then(({ verdict }) => verdict) })
    // A verdict that the disk did not take stays here, for whoever asks, until it does.
    void work.then(({ verdict, kept }) => (kept ? undefined : keep.until(verdict))).then(() => open.delete(request.id))
  }

  return {
    async accept(asked) {
      if (waits.state() !== 'open') throw overloaded('this server is going down')
      if (open.size + arriving >= most) throw overloaded(`${most} requests are under way`)
      const request: DeployRequest = { ...asked, id: clock.id(), acceptedAt: clock.now() }
      arriving++
      await memory.accept(request).finally(() => arriving--)
      begin(request)
      return request
    },
    async verdict(id, waitMs) {
      const one = open.get(id)
      const verdict = one && (await waits.atMost(one.work, waitMs))
      return one !== undefined && verdict !== undefined ? { request: one.request, verdict } : memory.find(id)
    },
    async resume() {
      const left = await memory.unfinished()
      for (const request of left) begin(request)
      return left.length
    },
    async drain(withinMs) {
      waits.close()
      await waits.atMost(Promise.all([...open.values()].map(({ work }) => work)), withinMs)
      waits.end()
    },
  }
}

type Keeping = Pick<DeskOptions, 'memory' | 'warn'> & { readonly waits: Patience }

/** Puts verdicts on disk. Where the disk takes none, whoever waits hears it all the same; a restart would ask git again. */
function keeper({ memory, warn, waits }: Keeping) {
  const once = async (verdict: Verdict): Promise<boolean> => {
    try {
      await memory.finish(verdict)
      return true
    } catch (error) {
      warn(`the verdict of ${verdict.id} was not kept: ${error instanceof Error ? error.message : String(error)}`)
      return false
    }
  }
  const until = async (verdict: Verdict): Promise<void> => {
    for (let ms = 1_000; waits.state() !== 'ended'; ms = Math.min(ms * 2, 60_000)) {
      await waits.atMost(new Promise<never>(() => undefined), ms)
      if (await once(verdict)) return
    }
  }
  return { once, until }
}

/** A deployer that throws has a bug; the request still gets its verdict, and the next one is not hurt. */
function broken(request: DeployRequest, error: unknown, warn: DeskOptions['warn']): Verdict {
  warn(`${request.id}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
  const problem = {
    code: 'INTERNAL' as const,
    message: 'mgo itself failed; its log has the cause',
    hint: 'This is a bug of mgo: please report it.',
  }
  return { ...refused(request, [problem]), verdict: 'failed' }
}

function overloaded(message: string): MgoError {
  return new MgoError({
    code: 'OVERLOADED',
    message,
    hint: 'Send the request again in a few seconds.',
  })
}
