/**
 * The queue before the commit. What arrives while a push is under way is the next batch; the first waits for nobody.
 * While git does not answer, requests wait here in their order, each as long as its patience lasts; they can be
 * superseded and withdrawn. A request whose push may have gone through can be neither: it must be looked for first.
 *
 * @module
 */
import { MgoError, messageOf, type Problem } from '../error.ts'
import type { Clock, Repo } from '../ports.ts'
import type { Commit, RequestId } from '../release/ids.ts'
import { breath } from './breath.ts'
import type { Outcome } from './outcome.ts'
import { isPassing, mayBeOneRequest } from './fault.ts'
import { type Queued, type Waiter, type Waiting, waitingRoom } from './waiting.ts'

export type CommitQueue = {
  /** Resolves with what became of it; rejects with an MgoError where git could not be reached until `untilMs`. */
  submit(queued: Queued, untilMs: number): Promise<Outcome>
  /** Takes out a request that nothing was pushed of. `late`: its push is under way, or may have gone through. */
  withdraw(id: RequestId): 'withdrawn' | 'late' | 'unknown'
  /** Why nothing goes on at the moment. */
  trouble(): string | undefined
  /** Begins no further batch; resolves when the one under way has ended. What waits stays unanswered. */
  close(): Promise<void>
}

/** Says that a push of these is about to be tried upon `base`; the push waits for it. */
export type Attempting = (ids: readonly RequestId[], base: Commit) => Promise<void>

export type QueueWorld = {
  readonly clock: Pick<Clock, 'now' | 'sleep'>
  readonly repo: Pick<Repo, 'fetch'>
  /** Does a whole batch; its answers stand in the order of the batch. */
  commit(batch: readonly Queued[], attempting: Attempting): Promise<readonly Outcome[]>
  /** Tells whoever runs mgo: when requests begin to wait for git, why, and when they go on. */
  say(text: string): void
}

/** Requests in one push at most. */
const size = 1_000
type State = {
  readonly waiting: Waiting
  readonly underWay: Map<RequestId, Waiter>
  readonly wake: AbortController
  failures: number
  trouble: unknown
  /** The trouble that was told of. */
  said: string | undefined
  /** Of this turn: how many failed alone. */
  alone: number
}

/** Opens the queue. */
export function commitQueue(world: QueueWorld): CommitQueue {
  const waiting = waitingRoom()
  const begin = { failures: 0, trouble: undefined, said: undefined, alone: 0 }
  const state: State = { waiting, underWay: new Map(), wake: new AbortController(), ...begin }
  let running: Promise<void> | undefined
  const turns = async (): Promise<void> => {
    while (waiting.count() > 0 && !state.wake.signal.aborted) await turn(state, world)
    running = undefined
  }
  return {
    submit: (queued, untilMs) =>
      new Promise((resolve, reject) => {
        enter({ queued, untilMs, settle: resolve, giveUp: reject }, state, world)
        running ??= turns()
      }),
    withdraw(id) {
      const waiter = waiting.find(id)
      if (waiter === undefined) return state.underWay.has(id) ? 'late' : 'unknown'
      if (waiter.queued.base !== undefined) return 'late'
      waiting.remove(waiter)
      waiter.settle({ kind: 'refused', request: waiter.queued.request, problems: [cancelled(id)] })
      return 'withdrawn'
    },
    trouble: () => (state.trouble instanceof Error ? state.trouble.message : undefined),
    close: () => {
      state.wake.abort()
      return running ?? Promise.resolve()
    },
  }
}

/** Without a reason of ours each abort would make an exception with its stack, which costs more than all else here. */
const isOver = 'answered'

/** Lets a waiter in: those it replaces are answered, and its patience begins. */
function enter(waiter: Waiter, state: State, { clock }: QueueWorld): void {
  const { waiting, underWay } = state
  const { request } = waiter.queued
  for (const earlier of waiting.replacedBy(request)) {
    waiting.remove(earlier)
    earlier.settle({ kind: 'superseded', request: earlier.queued.request, by: request.id })
  }
  const timer = new AbortController()
  const ended = <T>(answer: (value: T) => void) => {
    return (value: T) => {
      timer.abort(isOver)
      answer(value)
    }
  }
  waiting.add({ ...waiter, settle: ended(waiter.settle), giveUp: ended(waiter.giveUp) })
  const left = waiter.untilMs - clock.now()
  if (left > 0)
    void clock.sleep(left, timer.signal).then(() => {
      const now = waiting.find(request.id)
      if (timer.signal.aborted || now === undefined || underWay.has(request.id)) return
      waiting.remove(now)
      giveUp(now, state.trouble ?? slow())
    })
}

async function turn(state: State, world: QueueWorld): Promise<void> {
  // Requests of the same tick belong together.
  await Promise.resolve()
  if (state.failures > 0) {
    await world.clock.sleep(pauseMs(state.failures), state.wake.signal)
    if (state.wake.signal.aborted) return
    // Nothing is tried upon a remote that does not even answer: what was never pushed can still be withdrawn.
    const error = await world.repo.fetch().then(() => undefined, asIs)
    if (error !== undefined) return failed([], error, { state, world })
  }
  state.alone = 0
  await work(state.waiting.take(size), { state, world })
}

type Course = { readonly state: State; readonly world: QueueWorld }

async function work(batch: readonly Waiter[], course: Course): Promise<void> {
  const { state, world } = course
  const bases = new Map<RequestId, Commit>()
  for (const waiter of batch) state.underWay.set(waiter.queued.request.id, waiter)
  try {
    const outcomes = await world.commit(
      batch.map(({ queued }) => queued),
      async (ids, base) => {
        for (const id of ids) bases.set(id, base)
      },
    )
    state.failures = 0
    state.trouble = undefined
    if (state.said !== undefined) world.say('git answers again: the requests that waited go on')
    state.said = undefined
    const pause = breath(world.clock)
    for (const [i, waiter] of batch.entries()) {
      const outcome = outcomes[i]
      if (outcome === undefined) waiter.giveUp(new Error('a request of the batch got no answer'))
      else waiter.settle(outcome)
      await pause()
    }
  } catch (error) {
    await failed(
      batch.map((waiter) => based(waiter, bases)),
      error,
      course,
    )
  } finally {
    for (const { queued } of batch) state.underWay.delete(queued.request.id)
  }
}

function based(waiter: Waiter, bases: ReadonlyMap<RequestId, Commit>): Waiter {
  const base = bases.get(waiter.queued.request.id)
  return base === undefined ? waiter : { ...waiter, queued: { ...waiter.queued, base } }
}

/** What passes is waited for. What does not is somebody's fault: halving finds whose. */
async function failed(batch: readonly Waiter[], error: unknown, course: Course): Promise<void> {
  const { state, world } = course
  if (batch.length > 1 && (!isPassing(error) || isSuspicious(error, state))) return halve(batch, course)
  if (!isPassing(error)) {
    const all = batch.length === 0 ? state.waiting.take(Number.POSITIVE_INFINITY) : batch
    return all.forEach((waiter) => giveUp(waiter, error))
  }
  state.failures++
  state.trouble = error
  const isOut = ({ untilMs }: Waiter) => untilMs <= world.clock.now()
  for (const waiter of batch.filter(isOut)) giveUp(waiter, error)
  const rest = batch.filter((waiter) => !isOut(waiter))
  const [only] = rest
  if (batch.length === 1 && only !== undefined && mayBeOneRequest(error)) {
    state.alone++
    state.waiting.postpone(only)
  } else state.waiting.putBack(rest)
  sayTrouble(error, course)
}

/** Once for each cause, however often it is tried. */
function sayTrouble(error: unknown, { state, world }: Course): void {
  const text = messageOf(error)
  const count = state.waiting.count()
  if (count === 0 || text === state.said) return
  state.said = text
  world.say(`${count === 1 ? 'a request waits' : `${count} requests wait`} for git: ${text}`)
}

async function halve(batch: readonly Waiter[], course: Course): Promise<void> {
  const middle = Math.ceil(batch.length / 2)
  await work(batch.slice(0, middle), course)
  await work(batch.slice(middle), course)
}

/** Whether one request may bring this upon its batch. Where two fail even alone it is the world, and halving would only add to it. */
function isSuspicious(error: unknown, { failures, alone }: State): boolean {
  return mayBeOneRequest(error) && failures >= 2 && alone < 2
}

function giveUp(waiter: Waiter, error: unknown): void {
  waiter.giveUp(waiter.queued.base === undefined ? error : doubtful(waiter, error))
}

/** Grows to fifteen seconds: what was away comes back soon, or not so soon. */
function pauseMs(failures: number): number {
  return Math.min(15_000, 250 * 2 ** Math.min(failures, 10))
}

function asIs(error: unknown): unknown {
  return error
}

/** The answer to its push was lost, and git could not be asked again. */
function doubtful({ queued }: Waiter, error: unknown): MgoError {
  const problem = error instanceof MgoError ? error : slow()
  return new MgoError({
    code: problem.code,
    message: `${problem.message}; its push was under way, and nobody knows whether it went through`,
    hint: `Look for the trailer Mgo-Request: ${queued.request.id} in the branch. ${problem.hint}`,
  })
}

function slow(): MgoError {
  return new MgoError({
    code: 'GIT_BUSY',
    message: 'the requests before this one took all the time that it had',
    hint: 'Send the request again.',
  })
}

function cancelled(id: RequestId): Problem {
  return {
    code: 'REQUEST_CANCELLED',
    message: `the request ${id} was cancelled before its commit`,
    hint: 'Nothing was changed. Send it again when it is wanted.',
  }
}
