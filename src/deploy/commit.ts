/**
 * Commits and pushes what was asked: one commit for each request, all of a batch in one push.
 *
 * When somebody pushed first, the *requests* are made again on the new tip; text is never merged with text. When a
 * push's outcome is unknown, the remote is read again and each request is found by its trailer. One bad request never
 * hurts its neighbours.
 *
 * @module
 */
import { MgoError, type Problem } from '../error.ts'
import type { World } from '../ports.ts'
import type { Commit, RequestId } from '../release/ids.ts'
import type { DeployRequest } from '../release/request.ts'
import { breath } from './breath.ts'
import { type Drafted, draft } from './draft.ts'
import { look, lookBelow, tellLanded } from './landed.ts'
import { nameOf, type Outcome, outcome, type Times } from './outcome.ts'
import type { Attempting } from './queue.ts'
import { busy, isEnough, pauseMs, type Tried } from './races.ts'
import { type Queued, supersede } from './waiting.ts'

export type CommitWorld = Pick<World, 'repo' | 'tell' | 'clock'> & {
  readonly attempting: Attempting
  /** What would stop a deploy of these after its commit, by request; found before it. */
  readonly unready: (batch: readonly Queued[]) => Promise<ReadonlyMap<RequestId, Problem>>
}

/**
 * Commits a batch. The answers stand in the order of the requests.
 *
 * @throws MgoError GIT_* where nothing at all could be said about the remote; what was pushed by then has its trailer
 */
export async function commitBatch(batch: readonly Queued[], world: CommitWorld): Promise<readonly Outcome[]> {
  const outcomes = new Map<RequestId, Outcome>()
  const settle = (some: readonly Outcome[]) => {
    for (const outcome of some) outcomes.set(outcome.request.id, outcome)
  }
  const doubtful = batch.filter(({ base }) => base !== undefined)
  const landed = await look(doubtful, world.repo)
  const rest = batch.filter(({ request }) => !landed.has(request.id)).map(sure)
  const unready = await world.unready(rest)
  settle(rest.flatMap(({ request }) => refusal(request, unready.get(request.id))))
  const ready = rest.filter(({ request }) => !unready.has(request.id))
  const { kept, superseded } = supersede(ready, unready)
  settle(superseded)
  settle(
    await settleAll(
      kept.map(({ request }) => request),
      world,
    ),
  )
  // A push of a process that died may still have come through; from here on the branch has moved on, and none can.
  const late = doubtful.filter(({ request }) => outcomes.get(request.id)?.kind === 'superseded')
  settle(await tellLanded(new Map([...landed, ...(await look(late, world.repo))]), batch, world))
  return batch.flatMap(({ request }) => outcomes.get(request.id) ?? [])
}

/** It was looked for, and nothing of it is in the branch. */
function sure(queued: Queued): Queued {
  return { ...queued, base: undefined }
}

function refusal(request: DeployRequest, problem: Problem | undefined): readonly Outcome[] {
  return problem === undefined ? [] : [{ kind: 'refused', request, problems: [problem] }]
}

async function settleAll(requests: readonly DeployRequest[], world: CommitWorld): Promise<readonly Outcome[]> {
  const done: Outcome[] = []
  const startedMs = world.clock.now()
  let open = requests
  let before: Commit | undefined
  let tried: Tried = { pushes: 0, unclear: 0, held: 0, tookMs: 0 }
  while (open.length > 0) {
    if (isEnough(tried)) throw busy(world.repo.name, tried)
    if (before !== undefined) await world.clock.sleep(pauseMs(open[0]?.id, tried))
    const { tip: base, isFresh } = before === undefined ? await world.repo.begin() : await again(world.repo)
    if (base === undefined) throw empty(world.repo)
    const { pushed, drafted } = await redraft(open, { before, base, world })
    done.push(...pushed)
    const pushes = tried.pushes + 1
    const made = await attempt(drafted, { base, fresh: isFresh, turn: pushes, world })
    done.push(...made.settled)
    open = made.open
    tried = {
      pushes,
      unclear: tried.unclear + (made.isUnclear ? 1 : 0),
      held: base === before ? tried.held + 1 : 0,
      tookMs: world.clock.now() - startedMs,
    }
    before = base
  }
  return done
}

async function again(repo: World['repo']): ReturnType<World['repo']['begin']> {
  return { tip: await repo.fetch(), isFresh: true }
}

type Redrafting = { readonly before: Commit | undefined; readonly base: Commit; readonly world: CommitWorld }
type Redrafted = { readonly pushed: readonly Outcome[]; readonly drafted: readonly Drafted[] }

/**
 * Those whose push went through although its answer said nothing, and drafts of the others. Both at once: whoever pushes
 * between the reading of `base` and our push makes it all for nothing, so it has to be short.
 */
async function redraft(open: readonly DeployRequest[], { before, base, world }: Redrafting): Promise<Redrafted> {
  const [pushed, drafted] = await Promise.all([arrived(open, { before, base, world }), draft(open, base, world)])
  if (pushed.length === 0) return { pushed, drafted }
  const ids = new Set(pushed.map(({ request }) => request.id))
  const rest = open.filter(({ id }) => !ids.has(id))
  return { pushed, drafted: await draft(rest, base, world) }
}

async function arrived(
  requests: readonly DeployRequest[],
  { before, base, world }: Redrafting,
): Promise<readonly Outcome[]> {
  if (before === undefined) return []
  const queued = requests.map((request): Queued => ({ request, base: before }))
  return tellLanded(await lookBelow(base, queued, world.repo), queued, world)
}

type Turn = { readonly base: Commit; readonly fresh: boolean; readonly turn: number; readonly world: CommitWorld }
type Made = {
  readonly settled: readonly Outcome[]
  readonly open: readonly DeployRequest[]
  readonly isUnclear?: boolean
}

async function attempt(drafted: readonly Drafted[], turn: Turn): Promise<Made> {
  const { repo, tell } = turn.world
  const changes = drafted.filter((one) => one.kind === 'changed')
  if (changes.length === 0) return quiet(drafted, turn)

  // The journal knows before the push, and while the commits are written: nothing of them is on the remote yet.
  const [commits] = await Promise.all([
    repo.write(
      turn.base,
      changes.map((one) => one.commit),
    ),
    turn.world.attempting(
      changes.map((one) => one.request.id),
      turn.base,
    ),
  ])
  const next = commits.at(-1)
  if (next === undefined) throw new Error('a batch of changes made no commit')
  const committedAt = turn.world.clock.now()
  const pushed = await repo.push(turn.base, next)
  const times = { committedAt, pushedAt: turn.world.clock.now() }
  const byId = new Map(changes.map((one, i) => [one.request.id, commits[i] ?? next]))

  switch (pushed.kind) {
    case 'pushed':
      await announce(changes, byId, turn.world)
      tell({ kind: 'pushed', ids: [...byId.keys()], commit: next, turns: turn.turn })
      if (pushed.note !== undefined) tell({ kind: 'note', text: pushed.note })
      return {
        settled: drafted.map((one) => outcome(one, byId.get(one.request.id) ?? next, { tip: next, times })),
        open: [],
      }
    // What the remote holds decides, request by request, at the next turn.
    case 'moved':
    case 'unclear':
      return { settled: [], open: drafted.map((one) => one.request), isUnclear: pushed.kind === 'unclear' }
    case 'refused':
      return halve(drafted, pushed.why, turn)
  }
}

/** Nothing to commit. On a remembered tip that must be asked once more: somebody else may have pushed since. */
async function quiet(drafted: readonly Drafted[], { base, fresh, world }: Turn): Promise<Made> {
  if (!fresh && (await world.repo.fetch()) !== base) return { settled: [], open: drafted.map((one) => one.request) }
  for (const one of drafted)
    if (one.kind === 'unchanged')
      world.tell({ kind: 'unchanged', id: one.request.id, commit: base, releases: one.releases.map(nameOf) })
  return { settled: drafted.map((one) => outcome(one, base, { tip: base, times: timesNow(world) })), open: [] }
}

/** The server's policy said no to the batch. Halving finds whom it meant; the others land. */
async function halve(drafted: readonly Drafted[], why: string, { base, world }: Turn): Promise<Made> {
  const changes = drafted.filter((one) => one.kind === 'changed')
  const rest = drafted
    .filter((one) => one.kind !== 'changed')
    .map((one) => outcome(one, base, { tip: base, times: timesNow(world) }))
  const [only] = changes
  if (changes.length === 1 && only !== undefined) {
    const problem: Problem = {
      code: 'GIT_REFUSED',
      message: `the git server refused the commit: ${why}`,
      hint: 'A rule of the git server (a hook or a branch protection) says no. Ask its owner, or give mgo the right to push to this branch.',
    }
    return { settled: [...rest, { kind: 'refused', request: only.request, problems: [problem] }], open: [] }
  }
  const middle = Math.ceil(changes.length / 2)
  const first = await settleAll(
    changes.slice(0, middle).map((one) => one.request),
    world,
  )
  const second = await settleAll(
    changes.slice(middle).map((one) => one.request),
    world,
  )
  return { settled: [...rest, ...first, ...second], open: [] }
}

async function announce(
  drafted: readonly Drafted[],
  commits: ReadonlyMap<RequestId, Commit>,
  { tell, clock }: CommitWorld,
): Promise<void> {
  const pause = breath(clock)
  for (const one of drafted) {
    await pause()
    const commit = commits.get(one.request.id)
    if (one.kind !== 'changed' || commit === undefined) continue
    const releases = one.releases.map(nameOf)
    tell({ kind: 'committed', id: one.request.id, commit, files: [...one.commit.files.keys()], releases })
  }
}

function timesNow({ clock }: CommitWorld): Times {
  return { committedAt: clock.now(), pushedAt: clock.now() }
}

function empty(repo: World['repo']): MgoError {
  return new MgoError({
    code: 'GIT_NOT_A_REPO',
    message: `${repo.name} has no branch ${repo.branch}`,
    hint: 'Push a first commit with mygitops.yaml and installations/<cluster>/ to it, or name another branch.',
  })
}
