/**
 * What an earlier process left open, taken up in the order of its acceptance, some at a time.
 *
 * A request that takes the process down with it must not do so for ever. Each start counts as a try of what it takes
 * up. After a few, requests go in ever smaller groups, in the end alone; whoever was alone each time is set aside.
 *
 * A cluster that is dead must not hold up the others: what it has no room for stays on disk, in its order, and is come
 * back to when some of its own has ended (docs/decisions/0097).
 *
 * @module
 */
import { messageOf } from '../error.ts'
import { refused } from '../deploy/deploy.ts'
import type { Tell } from '../event/event.ts'
import type { Cluster } from '../release/ids.ts'
import type { DeployRequest } from '../release/request.ts'
import type { Verdict } from '../release/verdict.ts'
import type { Keeper } from './keeper.ts'
import type { Left, Memory } from './memory.ts'
import type { Patience } from './patience.ts'
import type { Work } from './work.ts'

export type Backlog = {
  /** Begins to take up what is there; never rejects. */
  begin(): void
  /** Whether all that is older for this cluster is under way. */
  isDone(cluster: Cluster): boolean
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
  readonly tell: Tell
}

const page = 500
/** Taken up and without a verdict at most; the rest waits on disk. */
const mostUnderWay = 2_000
/** A cluster none of whose requests ends for so long is not waited for. */
const stillMs = 1_000
const lookMs = 250
/** How many are tried together, by the tries before. */
const together: readonly number[] = [page, page, 16, 1, 1, 1]
/** A group that lives this long is not what kills the process. */
const aloneMs = 10_000

/** The clusters that had no room, and the place of the first request that was left out for it. */
type Late = Map<Cluster, number>

/** Makes the backlog of a journal. */
export function backlog(options: BacklogOptions): Backlog {
  const { memory, work, waits } = options
  const late: Late = new Map()
  let state: 'fresh' | 'reading' | 'late' | 'done' = 'fresh'
  let more = false
  const read = async (): Promise<void> => {
    let after = 0
    while (waits.state() === 'open') {
      more = false
      // What ends while the page is on its way is in it all the same.
      const known = work.ids()
      const left = await retried(() => memory.unfinished(after, page), options)
      const last = left?.at(-1)
      if (left !== undefined && last !== undefined) {
        after = last.place
        const fresh = left.filter(({ request }) => !known.has(request.id) && work.find(request.id) === undefined)
        await takeUp(fresh, late, options)
      } else if (!more && late.size === 0) {
        state = 'done'
        return
      } else if (!more) {
        state = 'late'
        while (waits.state() === 'open' && ![...late.keys()].some((one) => isRoomy(one, work)))
          await pause(waits, lookMs)
        state = 'reading'
        after = Math.min(...late.values()) - 1
        late.clear()
      }
    }
  }
  return {
    begin: () => {
      state = 'reading'
      void read()
    },
    isDone: (cluster) => state === 'done' || (state === 'late' && !late.has(cluster)),
    grew: () => {
      more = true
    },
  }
}

async function takeUp(left: readonly Left[], late: Late, options: BacklogOptions): Promise<void> {
  let rest = left
  while (rest.length > 0 && options.waits.state() === 'open') {
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
    await beginGroup(group, late, options)
  }
}

/** Begins those of a group that their clusters have room for. */
async function beginGroup(group: readonly Left[], late: Late, options: BacklogOptions): Promise<void> {
  const { work, waits } = options
  let chosen: Left[] = []
  for (const one of group) {
    const { cluster } = one.request
    if (late.has(cluster)) continue
    const beside = chosen.filter(({ request }) => request.cluster === cluster).length
    if (room(cluster, work) - chosen.length - beside <= 0) {
      await beginAll(chosen, options)
      chosen = []
      if (!(await roomComes(cluster, work, waits))) {
        late.set(cluster, one.place)
        continue
      }
    }
    chosen.push(one)
  }
  await beginAll(chosen, options)
}

async function beginAll(some: readonly Left[], options: BacklogOptions): Promise<void> {
  const { memory, work, waits } = options
  const width = together[some[0]?.tries ?? 0] ?? 1
  if (some.length === 0) return
  await retried(() => memory.begun(some.map(({ request }) => request.id)), options)
  const pieces = some.map(({ request, ...resumed }) => work.begin(request, resumed))
  if (width < page) await waits.atMost(Promise.all(pieces.map(({ verdict }) => verdict)), aloneMs)
}

/** How many more a cluster may have under way: it never has more than what is left for all others. */
function room(cluster: Cluster, work: Work): number {
  return mostUnderWay - work.count() - loadOf(cluster, work)
}

/** Whether it is worth coming back: one by one, each would cost a write. */
function isRoomy(cluster: Cluster, work: Work): boolean {
  return room(cluster, work) > loadOf(cluster, work)
}

function loadOf(cluster: Cluster, work: Work): number {
  const { queued, underWay } = work.load(cluster)
  return queued + underWay
}

/** Waits as long as requests of the cluster end. */
async function roomComes(cluster: Cluster, work: Work, waits: Patience): Promise<boolean> {
  let before = Number.POSITIVE_INFINITY
  while (waits.state() === 'open' && !isRoomy(cluster, work) && loadOf(cluster, work) < before) {
    before = loadOf(cluster, work)
    for (let ms = 0; ms < stillMs && !isRoomy(cluster, work); ms += lookMs) await pause(waits, lookMs)
  }
  return room(cluster, work) > 0
}

function pause(waits: Patience, ms: number): Promise<undefined> {
  return waits.atMost(new Promise<never>(() => undefined), ms)
}

/** The journal may be out of order for a while, as on a full disk. */
async function retried<T>(read: () => Promise<T>, { waits, warn }: BacklogOptions): Promise<T | undefined> {
  for (let ms = 500; waits.state() === 'open'; ms = Math.min(ms * 2, 15_000)) {
    try {
      return await read()
    } catch (error) {
      warn(`what an earlier run left cannot be taken up: ${messageOf(error)}`)
      await pause(waits, ms)
    }
  }
  return undefined
}

async function setAside(
  { request, commit, tries }: Left,
  { keeper, ended, warn, tell }: BacklogOptions,
): Promise<void> {
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
  tell({ kind: 'finished', verdict, request })
  await keeper.until(verdict)
  ended(request)
}
