/**
 * Following the branch with real git: whose clusters are brought, when, and whose are not.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { commitBatch } from '../../src/deploy/commit.ts'
import { type Follower, follower } from '../../src/deploy/follow.ts'
import type { Event } from '../../src/event/event.ts'
import { openRepo } from '../../src/git/repo.ts'
import type { Clock, Repo } from '../../src/ports.ts'
import { type Cluster, requestId } from '../../src/release/ids.ts'
import type { DeployRequest } from '../../src/release/request.ts'
import type { Verdict } from '../../src/release/verdict.ts'
import { openSecrets } from '../../src/secrets.ts'
import { git, makeBare, put } from '../git-server.ts'

const state = mkdtempSync(join(tmpdir(), 'mgo-follow-'))
after(() => rmSync(state, { recursive: true, force: true }))

const values = (tag: string) =>
  `__mygitops:\n  chart: ./chart\n  images:\n    github.com/acme/shop: { repository: acme/shop, tag: ${tag} }\n`
const files = {
  'installations/one/shop-values.yaml': values('v1'),
  'installations/two/shop-values.yaml': values('v1'),
  'charts/shop/Chart.yaml': 'name: shop\n',
}

type Following = {
  readonly repo: Repo
  readonly synced: string[]
  readonly notes: string[]
  readonly follower: Follower
  readonly tell: (event: Event) => void
  /** A commit of somebody else; with a branch, as a merge of it. */
  readonly push: (changed: Readonly<Record<string, string>>, branch?: string) => void
  /** Looks once, and gives what was brought by it. */
  readonly look: () => Promise<readonly string[]>
}

let count = 0

/** A follower of the clusters one and two, whose clock stands still but for hints. */
async function follow(answer: (cluster: Cluster) => Partial<Verdict> = () => ({})): Promise<Following> {
  const name = `repo-${count++}`
  const bare = makeBare(state, name, files)
  const work = join(state, `${name}-work`)
  git(state, 'clone', '--quiet', bare, work)
  const repo = await openRepo(bare, {
    mirrors: join(state, `${name}-mirror`),
    committer: { name: 'mgo', email: 'mgo@localhost' },
    secrets: openSecrets(),
    env: { PATH: process.env['PATH'] ?? '' },
  })
  const [synced, notes, stop]: [string[], string[], AbortController] = [[], [], new AbortController()]
  let looks = 0
  let asleep = (): void => undefined
  const clock: Clock = {
    now: () => Date.now(),
    id: () => requestId(Date.now(), randomBytes(16)),
    sleep: (ms, signal) => {
      if (ms < 1_000) return Promise.resolve()
      looks++
      asleep()
      return new Promise((resolve) => signal?.addEventListener('abort', () => resolve(), { once: true }))
    },
  }
  const tell = (event: Event): void => {
    if (event.kind === 'note') notes.push(event.text)
    following.told(event)
  }
  const following = follower({
    world: { repo, clock, tell },
    clusters: ['one', 'two'] as Cluster[],
    everyMs: 60_000,
    chance: () => 0.5,
    sync: async (cluster) => {
      synced.push(cluster)
      const done: Verdict = { id: clock.id(), cluster, verdict: 'unchanged', releases: [], timing: { acceptedMs: 0 } }
      return { ...done, ...answer(cluster) }
    },
  })
  const running = following.run(stop.signal)
  after(async () => {
    stop.abort()
    await running
    await repo.close()
  })
  const until = async (wanted: number): Promise<void> => {
    while (looks < wanted)
      await new Promise<void>((resolve) => {
        asleep = resolve
      })
  }
  await until(1)
  return {
    repo,
    synced,
    notes,
    tell,
    follower: following,
    push: (changed, branch) => {
      git(work, 'pull', '--quiet')
      if (branch !== undefined) git(work, 'switch', '--quiet', '-c', branch)
      put(work, changed)
      git(work, 'add', '--all')
      git(work, 'commit', '--quiet', '-m', 'A change of somebody')
      if (branch !== undefined) {
        git(work, 'switch', '--quiet', 'main')
        git(work, 'merge', '--quiet', '--no-ff', branch)
      }
      git(work, 'push', '--quiet', 'origin', 'main')
    },
    look: async () => {
      synced.length = 0
      const wanted = looks + 1
      following.look()
      await until(wanted)
      return [...synced].sort()
    },
  }
}

test('at the start every cluster is brought, since nobody knows what happened before', async () => {
  const { synced } = await follow()
  assert.deepEqual(synced.sort(), ['one', 'two'])
})

test('the clusters whose files changed, and those that a shared file may concern', async () => {
  const { push, look } = await follow()
  assert.deepEqual(await look(), [], 'nothing happened')
  push({ 'installations/one/shop-values.yaml': values('v2') })
  assert.deepEqual(await look(), ['one'])
  push({ 'installations/three/shop-values.yaml': values('v2') })
  assert.deepEqual(await look(), [], 'a cluster that is not followed')
  push({ 'charts/shop/Chart.yaml': 'name: shop2\n' })
  assert.deepEqual(await look(), ['one', 'two'])
  push({ 'installations/one/a b\u00fc.txt': 'a strange name', 'installations/two/x': 'and another' })
  assert.deepEqual(await look(), ['one', 'two'])
})

test('several pushes are one look, and a merge counts whole', async () => {
  const { push, look, follower: following, synced } = await follow()
  push({ 'installations/one/shop-values.yaml': values('v2') })
  push({ 'installations/one/shop-values.yaml': values('v3') }, 'topic')
  for (let i = 0; i < 20; i++) following.look()
  await look()
  assert.deepEqual(synced, ['one'])
})

test('what mgo committed itself is not brought twice, and what stands beside it is', async () => {
  const { push, look, repo, tell } = await follow()
  const ask = (tag: string): DeployRequest => ({
    id: requestId(Date.now(), randomBytes(16)),
    cluster: 'two' as Cluster,
    source: 'github.com/acme/shop',
    image: { repository: 'acme/shop', tag, digest: undefined },
    author: { name: 'Ada', email: 'ada@example.com' },
    acceptedAt: Date.now(),
  })
  const clock = { now: () => Date.now(), id: () => requestId(0, randomBytes(16)), sleep: async () => undefined }
  const quiet = { attempting: async () => undefined, unready: async () => new Map<never, never>() }
  const deploy = (tag: string) => commitBatch([{ request: ask(tag) }], { repo, clock, tell, ...quiet })
  assert.equal((await deploy('v2'))[0]?.kind, 'committed')
  assert.deepEqual(await look(), [])
  push({ 'installations/one/shop-values.yaml': values('v9') })
  assert.equal((await deploy('v3'))[0]?.kind, 'committed')
  assert.deepEqual(await look(), ['one'], 'a foreign commit below an own one')
})

test('a cluster that was away is tried again; one that refuses is not', async () => {
  const verdicts: Record<string, Partial<Verdict>> = {
    one: { verdict: 'failed', problem: { code: 'KUBE_UNREACHABLE', message: 'away', hint: 'wait' } },
    two: { verdict: 'failed', problem: { code: 'REPO_INVALID', message: 'no yaml', hint: 'mend it' } },
  }
  const { look } = await follow((cluster) => verdicts[cluster] ?? {})
  assert.deepEqual(await look(), ['one'])
  assert.deepEqual(await look(), ['one'])
})

test('a deploy whose cluster was away is brought later', async () => {
  const { look, tell } = await follow()
  const request = { cluster: 'two' } as DeployRequest
  const problem = { code: 'KUBE_UNREACHABLE', message: 'away', hint: 'wait' } as const
  const verdict = {
    cluster: 'two',
    commit: 'c'.repeat(40),
    verdict: 'failed',
    problem,
    releases: [],
  } as unknown as Verdict
  tell({ kind: 'finished', request, verdict })
  assert.deepEqual(await look(), ['two'])
})

test('a git server that is away is told once, and followed again when it is back', async () => {
  const { push, look, notes, repo } = await follow()
  const real = repo.look.bind(repo)
  let away = true
  Object.assign(repo, { look: () => (away ? Promise.reject(new Error('no route')) : real()) })
  push({ 'installations/one/shop-values.yaml': values('v2') })
  assert.deepEqual([await look(), await look()], [[], []])
  assert.equal(notes.length, 1)
  away = false
  assert.deepEqual(await look(), ['one'])
})
