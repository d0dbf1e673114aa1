/**
 * What an earlier process left open, taken up in the order of its acceptance, some at a time.
 *
 * A request that takes the process down with it must not do so for ever. Each start counts as a try of what it takes
 * up. After a few, requests go in ever smaller groups, in the end alone; whoever was alone each time is set aside.
 *
 * @module
 */
import { refused } from '../deploy/deploy.ts'
import type { DeployRequest } from '../release/request.ts'
import type { Verdict } from '../release/verdict.ts'
import type { Keeper } from './keeper.ts'
import type { Left, Memory } from './memory.ts'
import type { Patience } from './patience.ts'
import type { Work } from './work.ts'

export type Backlog = {
  /** Begins to take up what is there; never rejects. */
  begin(): void
  /** Whether all that is older is under way. */
  isDone(): boolean
  /** Says that more is on disk than there was when it began. */
  grew(): void
}

export type BacklogOptions = {
  readonly memory: Pick<Memory, 'unfinished' | 'begun'>
  readonly work: Work
  readonly waits: Patience
  readonly keeper: Keeper
  readonly ended: (request: DeployRequest) => void
  readonly warn: (text: string) => void
}

const page = 500
/** Taken up and without a verdict at most; the rest waits on disk. */
const mostUnderWay = 2_000
/** How many are tried together, by the tries before. */
const together: readonly number[] = [page, page, 16, 1, 1, 1]
/** A group that lives this long is not what kills the process. */
const aloneMs = 10_000

/** Makes the backlog of a journal. */
export function backlog(options: BacklogOptions): Backlog {
  let state: 'fresh' | 'reading' | 'done' = 'fresh'
  let more = false
  const read = async (): Promise<void> => {
    let after = 0
    while (options.waits.state() === 'open') {
      more = false
      const left = await retried(() => options.memory.unfinished(after, page), options)
      const last = left?.at(-1)
      if (last === undefined) {
        if (more) continue
        state = 'done'
        return
      }
      after = last.place
      await takeUp(left ?? [], options)
    }
  }
  return {
    begin: () => {
      state = 'reading'
      void read()
    },
    isDone: () => state === 'done',
    grew: () => {
      more = true
    },
  }
}

async function takeUp(left: readonly Left[], options: BacklogOptions): Promise<void> {
  const { work, waits, memory } = options
  let rest = left.filter(({ request }) => work.find(request.id) === undefined)
  while (rest.length > 0 && waits.state() === 'open') {
    const [first] = rest
    const width = together[first?.tries ?? 0]
    if (first !== undefined && width === undefined) {
      await setAside(first, options)
      rest = rest.slice(1)
      continue
    }
    const alike = rest.findIndex((one) => together[one.tries] !== width)
    const group = rest.slice(0, Math.min(width ?? 1, alike < 0 ? rest.length : alike))
    rest = rest.slice(group.length)
    await retried(() => memory.begun(group.map(({ request }) => request.id)), options)
    const pieces = group.map(({ request, commit, base }) => work.begin(request, { commit, base }))
    if ((width ?? 1) < page) await waits.atMost(Promise.all(pieces.map(({ verdict }) => verdict)), aloneMs)
    while (work.count() > mostUnderWay && waits.state() === 'open')
      await waits.atMost(Promise.race(pieces.map(({ verdict }) => verdict)), 250)
  }
}

/** The journal may be out of order for a while, as on a full disk. */
async function retried<T>(read: () => Promise<T>, { waits, warn }: BacklogOptions): Promise<T | undefined> {
  for (let ms = 500; waits.state() === 'open'; ms = Math.min(ms * 2, 15_000)) {
    try {
      return await read()
    } catch (error) {
      warn(`what an earlier run left cannot be taken up: ${error instanceof Error ? error.message : String(error)}`)
      await waits.atMost(new Promise<never>(() => undefined), ms)
    }
  }
  return undefined
}

async function setAside({ request, commit, tries }: Left, { keeper, ended, warn }: BacklogOptions): Promise<void> {
  const problem = {
    code: 'REQUEST_POISON' as const,
    message: `the server died ${tries} times while it worked on this request, at the end on this one alone`,
    hint: 'Its log has the cause; please report it. The request is not tried again.',
  }
  const verdict: Verdict = {
    ...refused(request, [problem]),
    verdict: 'failed',
    ...(commit === undefined ? {} : { commit }),
  }
  warn(`${request.id} is set aside: ${problem.message}`)
  await keeper.until(verdict)
  ended(request)
}
