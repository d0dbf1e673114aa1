/**
 * A server whose git can be away: real git over HTTP, a real door, desk, journal and deployer. It commits only, so that no
 * cluster is missing.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after } from 'node:test'
import { parseScope } from '../src/access/scope.ts'
import { deployer } from '../src/deploy/deploy.ts'
import { openOverview } from '../src/deploy/overview.ts'
import type { Event } from '../src/event/event.ts'
import { openJournal } from '../src/journal/journal.ts'
import type { Clock, Repo, World } from '../src/ports.ts'
import { openSecrets } from '../src/secrets.ts'
import { buildApp } from '../src/server/app.ts'
import { callers } from '../src/server/caller.ts'
import { openDesk } from '../src/server/desk.ts'
import { openHub } from '../src/server/hub.ts'
import { patience } from '../src/server/patience.ts'
import { clock, hasty } from './clock.ts'
import { described } from './described.ts'
import { git, makeBare, put } from './git-server.ts'
import { open, path, root, server, text } from './remote.ts'
import { seen } from './seen.ts'

/** Whoever waits for git tries again at once; nobody's patience ends. */
const eager: Clock = {
  ...clock,
  sleep: (ms, signal) => (ms > 60_000 ? new Promise(() => undefined) : hasty.sleep(ms, signal)),
}

const sidePath = 'installations/prod/side-values.yaml'

/** A repo whose release went from v1 to v2, and another release beside it. */
export function repoOf(name: string) {
  const bare = makeBare(server.root, `${name}.git`, { [path]: text(), [sidePath]: text('github.com/acme/side') })
  const work = join(root, `work-${name}`)
  git(root, 'clone', '--quiet', bare, work)
  /** Somebody else commits, beside the git server. */
  const foreign = (tag: string) => {
    put(work, { [path]: text(undefined, tag) })
    git(work, 'pull', '--quiet', '--rebase', '--autostash')
    git(work, 'commit', '--quiet', '--all', '-m', `Deploy ${tag}`)
    git(work, 'push', '--quiet')
  }
  foreign('v2')
  const head = () => git(bare, 'rev-parse', 'main').trim()
  return {
    name,
    foreign,
    head,
    first: git(bare, 'rev-parse', 'main~1').trim(),
    file: () => git(bare, 'show', `main:${path}`),
  }
}

type Starting = {
  /** Says when git had enough time for an answer. */
  readonly patient?: Clock
  readonly changed?: (repo: Repo) => Repo
}
type Said = Readonly<Partial<Record<'id' | 'verdict' | 'supersededBy' | 'code' | 'hint', string>>> &
  Readonly<Partial<Record<'image' | 'backTo' | 'backFrom' | 'git', string>>> & {
    readonly problem?: { readonly code: string; readonly message: string }
    readonly deploys?: readonly object[]
  }

const scopes = ['rollback cluster=prod source=github.com/acme/app image=**', 'read cluster=other'].map((one) => {
  const read = parseScope(one)
  assert.ok(read.kind === 'ok')
  return read.grant
})

/** Starts a server on a repo; the second one of a repo finds the journal and the mirror of the first. */
export async function start(
  { name }: { readonly name: string },
  { patient = clock, changed = (repo) => repo }: Starting = {},
) {
  const at = { mirrors: join(root, `mirrors-of-${name}`), branch: 'main' }
  const repo = changed(await open(server.url(`${name}.git`), at))
  const journal = openJournal(join(root, `${name}.sqlite`))
  const events: Event[] = []
  const tell = (event: Event) => {
    events.push(event)
    desk.told({ ...event, at: clock.now() })
  }
  const world = { repo, clock: eager, tell, secrets: openSecrets() } as unknown as World
  const deploys = deployer(world, { attempting: (ids, base) => journal.attempting(ids, base) })
  const desk = openDesk({
    deployer: deploys,
    memory: journal,
    clock,
    warn: () => undefined,
    tell,
    deploys: { commitOnly: true, patienceMs: 3_600_000 },
    limits: { requests: 1_000, bytes: 1_000_000 },
  })
  const make = callers(() => [], clock)
  const waits = patience(clock)
  const nothing = () => undefined
  const app = buildApp({
    desk,
    hub: openHub({ memory: journal, waits, warn: nothing }),
    overview: openOverview({ ...world, clock: patient }, { commitOnly: true }),
    memory: journal,
    access: {
      // With a token it is the one for the release `app`; without, anybody.
      identify: async ({ headers }) =>
        headers.authorization === undefined ? make.anybody() : make.known({ kind: 'token', name: 'app', scopes }),
      hook: () => make.anybody(),
      bounds: { perMinute: () => 600, failed: nothing, delivered: nothing },
    },
    exposure: { names: 'loopback' },
    version: '0',
    hide: (value) => value,
    metrics: { text: async () => '', http: nothing },
    trail: (wanted) => journal.trail.page(wanted),
    warn: nothing,
    ready: async () => undefined,
  })
  await desk.resume()
  // As a server does when it starts.
  await repo.tip().catch(nothing)
  const api = await described(await app.listen({ host: '127.0.0.1', port: 0 }))
  const ask = async (method: string, where: string, more: RequestInit = {}) => {
    const { status, body } = await api.ask(method, where, more)
    return { status, body: body as Said }
  }
  const send = (where: string, body: object, heads: Readonly<Record<string, string>> = {}) =>
    ask('POST', where, {
      headers: { 'content-type': 'application/json', ...heads },
      body: JSON.stringify({ cluster: 'prod', author: 'Ada <ada@example.com>', ...body }),
    })
  let isOver = false
  const stop = async () => {
    if (isOver) return
    isOver = true
    await desk.drain(30_000)
    await app.close()
    waits.end()
    journal.close()
    // Whoever was not waited for is answered before the end.
    await repo.fetch().catch(nothing)
    await repo.close()
  }
  after(stop)
  return {
    events,
    ask,
    back: (heads = {}, body: object = { release: 'app' }) => send('/v1/rollbacks', body, heads),
    deploy: (source: string, image: string) => send('/v1/deploys', { source, image }),
    /** Until a request waits for git. */
    waits: () => seen(() => events.some((one) => one.kind === 'note' && /waits? for git/.test(one.text))),
    verdict: async (id: string | undefined) => (await ask('GET', `/v1/deploys/${id}?wait=30s`)).body,
    /** What the audit trail has, as JSON. */
    trail: async () => (await journal.trail.page({ after: 0, limit: 100 })).map(({ entry }) => entry).join('\n'),
    stop,
  }
}
