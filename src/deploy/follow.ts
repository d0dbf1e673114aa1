/**
 * Follows the branch of the gitops repo: when somebody moves it, the clusters whose files changed are brought to it.
 *
 * A look is one read of a ref. It comes once in a while, and at once when a webhook says so; a webhook is a hint, never
 * the only trigger. What mgo committed itself was brought by its own deploy. A cluster that could not be reached stays to
 * be done, and nobody waits for another: what mends a broken release must not wait until its verdict is in.
 *
 * @module
 */
import { meaning, messageOf } from '../error.ts'
import type { Event } from '../event/event.ts'
import type { Repo, World } from '../ports.ts'
import type { Cluster, Commit } from '../release/ids.ts'
import type { Verdict } from '../release/verdict.ts'

export type FollowOptions = {
  readonly world: Pick<World, 'clock' | 'tell'> & {
    readonly repo: Pick<Repo, 'name' | 'branch' | 'look' | 'fetch' | 'changes'>
  }
  readonly clusters: readonly Cluster[]
  readonly everyMs: number
  /** From 0 to 1: so that many servers do not look in the same moment. */
  readonly chance: () => number
  readonly sync: (cluster: Cluster) => Promise<Verdict>
}

export type Follower = {
  /** Looks soon; several calls of one moment are one look. */
  readonly look: () => void
  /** Hears what mgo itself does. */
  readonly told: (event: Event) => void
  /** Follows until `signal` aborts; what is under way then is left to others. */
  run(signal: AbortSignal): Promise<void>
}

/** A push is often several: a merge, a tag, a bot. */
const gatherMs = 300
/** Own commits remembered until they are seen on the branch. */
const mostOwn = 10_000

type State = {
  readonly own: Set<Commit>
  readonly due: Set<Cluster>
  seen: Commit | undefined
  said: string | undefined
  hurry: AbortController
  hinted: boolean
}

/** Makes a follower; nothing is looked at yet. */
export function follower(options: FollowOptions): Follower {
  const { clusters, world, everyMs, chance } = options
  const state: State = {
    own: new Set(),
    // What happened while nobody followed is found by bringing all of them; an unchanged one costs nothing.
    due: new Set(clusters),
    seen: undefined,
    said: undefined,
    hurry: new AbortController(),
    hinted: false,
  }
  return {
    look: () => {
      state.hinted = true
      state.hurry.abort()
    },
    told: (event) => hear(event, state, clusters),
    async run(signal) {
      signal.addEventListener('abort', () => state.hurry.abort(), { once: true })
      while (!signal.aborted) {
        await look(state, options)
        for (const cluster of state.due) void bring(cluster, state, options)
        if (!state.hinted) await world.clock.sleep(everyMs * (0.9 + 0.2 * chance()), state.hurry.signal)
        if (state.hinted && !signal.aborted) await world.clock.sleep(gatherMs, signal)
        state.hinted = false
        if (!signal.aborted) state.hurry = new AbortController()
      }
    },
  }
}

async function look(state: State, { world, clusters }: FollowOptions): Promise<void> {
  const { repo } = world
  try {
    const there = await repo.look()
    if (there !== undefined && there !== state.seen) {
      const tip = (await repo.fetch()) ?? there
      if (state.seen !== undefined)
        for (const cluster of touched(await repo.changes(state.seen, tip), state.own, clusters)) state.due.add(cluster)
      state.seen = tip
    }
    state.said = undefined
  } catch (error) {
    const text = messageOf(error)
    // Once, not once a minute.
    if (text !== state.said) world.tell({ kind: 'note', text: `the branch ${repo.branch} cannot be followed: ${text}` })
    state.said = text
  }
}

/** Which clusters the commits of others concern. What lies outside of `installations/` may concern every one. */
function touched(
  changes: ReadonlyMap<Commit, readonly string[]>,
  own: Set<Commit>,
  clusters: readonly Cluster[],
): readonly Cluster[] {
  const paths = [...changes].flatMap(([commit, files]) => (own.delete(commit) ? [] : files))
  const outside = paths.some((path) => !path.startsWith('installations/'))
  return clusters.filter((cluster) => outside || paths.some((path) => path.startsWith(`installations/${cluster}/`)))
}

async function bring(cluster: Cluster, state: State, { sync }: FollowOptions): Promise<void> {
  state.due.delete(cluster)
  if (isPassing(await sync(cluster))) state.due.add(cluster)
}

function hear(event: Event, { own, due }: State, clusters: readonly Cluster[]): void {
  if (event.kind === 'committed') {
    own.add(event.commit)
    for (const old of own) if (own.size > mostOwn) own.delete(old)
  }
  // The commit of a deploy whose cluster was away is there all the same.
  if (event.kind === 'finished' && event.request !== undefined && isPassing(event.verdict)) {
    const { cluster, commit } = event.verdict
    if (commit !== undefined && clusters.includes(cluster)) due.add(cluster)
  }
}

/** Nothing is wrong with the files: the cluster, or the way to it, is in trouble. */
function isPassing({ problem }: Verdict): boolean {
  return problem !== undefined && meaning(problem.code).retry
}
