/**
 * The front desk: takes requests, has them kept before it says so, and hands out verdicts to whoever waits.
 *
 * @module
 */
import type { Deployer } from '../deploy/deploy.ts'
import { MgoError } from '../error.ts'
import type { Clock } from '../ports.ts'
import type { RequestId } from '../release/ids.ts'
import type { DeployRequest } from '../release/request.ts'
import type { Verdict } from '../release/verdict.ts'
import type { Asked } from '../request/request.ts'

/** What the desk needs of a journal. */
export type Memory = {
  accept(request: DeployRequest): Promise<void>
  finish(verdict: Verdict): Promise<void>
  find(id: RequestId): Promise<{ readonly request: DeployRequest; readonly verdict: Verdict | undefined } | undefined>
  unfinished(): Promise<readonly DeployRequest[]>
}

export type Desk = {
  /** Resolves when the request is on disk; it then goes on whatever happens to the caller. Throws OVERLOADED, JOURNAL_FAILED. */
  accept(asked: Asked): Promise<DeployRequest>
  /** The verdict, or what is known after `waitMs`. `undefined`: no such request. */
  verdict(
    id: RequestId,
    waitMs: number,
  ): Promise<{ readonly request: DeployRequest; readonly verdict: Verdict | undefined } | undefined>
  /** Takes up again what an earlier process left open. */
  resume(): Promise<number>
  /** Takes nothing more; resolves when what is under way has ended, or `withinMs` has passed. */
  drain(withinMs: number): Promise<void>
}

export type DeskOptions = {
  readonly deployer: Deployer
  readonly memory: Memory
  readonly clock: Clock
  readonly warn: (text: string) => void
}

/** Requests under way at once at most: more are told to come again. */
const most = 5_000

/** Opens the desk. */
export function openDesk({ deployer, memory, clock, warn }: DeskOptions): Desk {
  const open = new Map<RequestId, Promise<Verdict>>()
  let closing = false

  const begin = (request: DeployRequest): void => {
    const work = deployer.deploy(request).then(async (verdict) => {
      // Whoever waits hears it even where the disk is full; a restart would find out again from git.
      await memory
        .finish(verdict)
        .catch((error: unknown) => warn(`the verdict of ${request.id} was not kept: ${String(error)}`))
      return verdict
    })
    open.set(request.id, work)
    void work.finally(() => open.delete(request.id))
  }

  return {
    async accept(asked) {
      if (closing || open.size >= most) throw overloaded(closing)
      const request: DeployRequest = { ...asked, id: clock.id(), acceptedAt: clock.now() }
      await memory.accept(request)
      begin(request)
      return request
    },
    async verdict(id, waitMs) {
      const work = open.get(id)
      if (work !== undefined && waitMs > 0) await Promise.race([work, rest(waitMs, clock, work)])
      return memory.find(id)
    },
    async resume() {
      const left = await memory.unfinished()
      for (const request of left) begin(request)
      return left.length
    },
    async drain(withinMs) {
      closing = true
      const all = Promise.all(open.values())
      await Promise.race([all, rest(withinMs, clock, all)])
    },
  }
}

async function rest(ms: number, clock: Clock, until: Promise<unknown>): Promise<void> {
  const stop = new AbortController()
  void until.finally(() => stop.abort())
  await clock.sleep(ms, stop.signal)
}

function overloaded(closing: boolean): MgoError {
  return new MgoError({
    code: 'OVERLOADED',
    message: closing ? 'this server is going down' : `${most} requests are under way`,
    hint: 'Send the request again in a few seconds.',
  })
}
