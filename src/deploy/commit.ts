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
import type { Release } from '../release/release.ts'
import type { DeployRequest } from '../release/request.ts'
import { type Drafted, draft } from './draft.ts'

/** What became of one request. `commit` is where its releases stand as asked. */
export type Outcome =
  | {
      readonly kind: 'committed'
      readonly request: DeployRequest
      readonly commit: Commit
      /** Milliseconds since the epoch. */
      readonly times: Times
      readonly releases: readonly Release[]
    }
  | {
      readonly kind: 'unchanged'
      readonly request: DeployRequest
      readonly commit: Commit
      readonly releases: readonly Release[]
    }
  | { readonly kind: 'refused'; readonly request: DeployRequest; readonly problems: readonly Problem[] }
  | { readonly kind: 'superseded'; readonly request: DeployRequest; readonly by: RequestId }

export type Times = { readonly committedAt: number; readonly pushedAt: number }

type CommitWorld = Pick<World, 'repo' | 'tell' | 'clock'>

/** Turns until mgo gives up on a branch that moves at every push; with jitter, some twenty seconds. */
const turns = 24

/**
 * Commits a batch. The answers stand in the order of the requests.
 *
 * @throws MgoError GIT_* where nothing at all could be said about the remote; no request is then half done
 */
export async function commitBatch(requests: readonly DeployRequest[], world: CommitWorld): Promise<readonly Outcome[]> {
  const { kept, superseded } = supersede(requests)
  const outcomes = new Map<RequestId, Outcome>(superseded.map((outcome) => [outcome.request.id, outcome]))
  for (const outcome of await settleAll(kept, world)) outcomes.set(outcome.request.id, outcome)
  return requests.flatMap((request) => outcomes.get(request.id) ?? [])
}

/** A later request for the same source and cluster replaces an earlier one that has not been committed. */
export function supersede(requests: readonly DeployRequest[]): {
  readonly kept: readonly DeployRequest[]
  readonly superseded: readonly Outcome[]
} {
  const last = new Map<string, DeployRequest>()
  for (const request of requests) last.set(`${request.cluster}\n${request.source}`, request)
  const kept = requests.filter((request) => last.get(`${request.cluster}\n${request.source}`) === request)
  const superseded = requests.flatMap((request): Outcome[] => {
    const by = last.get(`${request.cluster}\n${request.source}`)
    return by === undefined || by === request ? [] : [{ kind: 'superseded', request, by: by.id }]
  })
  return { kept, superseded }
}

async function settleAll(requests: readonly DeployRequest[], world: CommitWorld): Promise<readonly Outcome[]> {
  const done: Outcome[] = []
  let open = requests
  for (let turn = 1; open.length > 0; turn++) {
    if (turn > turns) throw busy(world.repo.name)
    if (turn > 1) await world.clock.sleep(pauseMs(turn, open.length))
    const fresh = turn > 1
    const base = fresh ? await world.repo.fetch() : await world.repo.tip()
    if (base === undefined) throw empty(world.repo)
    const drafted = await draft(open, base, world.repo)
    const made = await attempt(drafted, { base, fresh, turn, world })
    done.push(...made.settled)
    open = made.open
  }
  return done
}

type Turn = { readonly base: Commit; readonly fresh: boolean; readonly turn: number; readonly world: CommitWorld }
type Made = { readonly settled: readonly Outcome[]; readonly open: readonly DeployRequest[] }

async function attempt(drafted: readonly Drafted[], turn: Turn): Promise<Made> {
  const { repo, tell } = turn.world
  const changes = drafted.filter((one) => one.kind === 'changed')
  if (changes.length === 0) return quiet(drafted, turn)

  const commits = await repo.write(
    turn.base,
    changes.map((one) => one.commit),
  )
  const next = commits.at(-1)
  if (next === undefined) throw new Error('a batch of changes made no commit')
  const committedAt = turn.world.clock.now()
  const pushed = await repo.push(turn.base, next)
  const times = { committedAt, pushedAt: turn.world.clock.now() }
  const byId = new Map(changes.map((one, i) => [one.request.id, commits[i] ?? next]))

  switch (pushed.kind) {
    case 'pushed':
      announce(changes, byId, tell)
      tell({ kind: 'pushed', ids: [...byId.keys()], commit: next, turns: turn.turn })
      if (pushed.note !== undefined) tell({ kind: 'note', text: pushed.note })
      return { settled: drafted.map((one) => outcome(one, byId.get(one.request.id) ?? next, times)), open: [] }
    case 'moved':
      return { settled: [], open: drafted.map((one) => one.request) }
    case 'unclear':
      return clear(drafted, turn)
    case 'refused':
      return halve(drafted, pushed.why, turn)
  }
}

/** Nothing to commit. On a remembered tip that must be asked once more: somebody else may have pushed since. */
async function quiet(drafted: readonly Drafted[], { base, fresh, world }: Turn): Promise<Made> {
  if (!fresh && (await world.repo.fetch()) !== base) return { settled: [], open: drafted.map((one) => one.request) }
  for (const one of drafted)
    if (one.kind === 'unchanged') world.tell({ kind: 'unchanged', id: one.request.id, commit: base })
  return { settled: drafted.map((one) => outcome(one, base, timesNow(world))), open: [] }
}

/** The answer to a push was lost: what the remote holds now decides, request by request. */
async function clear(drafted: readonly Drafted[], { base, world, turn }: Turn): Promise<Made> {
  const now = await world.repo.fetch()
  const found =
    now === undefined || now === base ? new Map<RequestId, Commit>() : await world.repo.requestsIn(base, now)
  const landed = drafted.filter((one) => one.kind === 'changed' && found.has(one.request.id))
  if (landed.length > 0 && now !== undefined) {
    announce(landed, found, world.tell)
    world.tell({ kind: 'pushed', ids: landed.map((one) => one.request.id), commit: now, turns: turn })
  }
  return {
    settled: landed.map((one) => outcome(one, found.get(one.request.id) ?? base, timesNow(world))),
    open: drafted.filter((one) => !landed.includes(one)).map((one) => one.request),
  }
}

/** The server's policy said no to the batch. Halving finds whom it meant; the others land. */
async function halve(drafted: readonly Drafted[], why: string, { base, world }: Turn): Promise<Made> {
  const changes = drafted.filter((one) => one.kind === 'changed')
  const rest = drafted.filter((one) => one.kind !== 'changed').map((one) => outcome(one, base, timesNow(world)))
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

function announce(drafted: readonly Drafted[], commits: ReadonlyMap<RequestId, Commit>, tell: World['tell']): void {
  for (const one of drafted) {
    const commit = commits.get(one.request.id)
    if (one.kind !== 'changed' || commit === undefined) continue
    tell({ kind: 'committed', id: one.request.id, commit, files: [...one.commit.files.keys()] })
  }
}

function timesNow({ clock }: CommitWorld): Times {
  return { committedAt: clock.now(), pushedAt: clock.now() }
}

function outcome(drafted: Drafted, commit: Commit, times: Times): Outcome {
  const { request } = drafted
  switch (drafted.kind) {
    case 'changed':
      return { kind: 'committed', request, commit, releases: drafted.releases, times }
    case 'unchanged':
      return { kind: 'unchanged', request, commit, releases: drafted.releases }
    case 'refused':
      return { kind: 'refused', request, problems: drafted.problems }
  }
}

/** Grows to a second; the spread comes from the batch, for chance is not this story's business. */
function pauseMs(turn: number, size: number): number {
  return turn === 2 ? 0 : Math.min(1_000, 20 * 2 ** Math.min(turn, 6)) + ((size * 37) % 50)
}

function busy(name: string): MgoError {
  return new MgoError({
    code: 'GIT_BUSY',
    message: `the branch of ${name} moved ${turns} times while mgo was pushing`,
    hint: 'Send the request again; nothing was deployed.',
  })
}

function empty(repo: World['repo']): MgoError {
  return new MgoError({
    code: 'GIT_NOT_A_REPO',
    message: `${repo.name} has no branch ${repo.branch}`,
    hint: 'Push a first commit with mygitops.yaml and installations/<cluster>/ to it, or name another branch.',
  })
}
