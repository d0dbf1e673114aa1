/**
 * The order of requests for one source over a server that dies: with real git, over HTTP.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { commitBatch } from '../src/deploy/commit.ts'
import type { Queued } from '../src/deploy/waiting.ts'
import type { Problem } from '../src/error.ts'
import { openRepo } from '../src/git/repo.ts'
import { type Cluster, type RequestId, requestId } from '../src/release/ids.ts'
import type { DeployRequest } from '../src/release/request.ts'
import { openSecrets } from '../src/secrets.ts'
import { git, makeBare, startGitServer } from './git-server.ts'
import { values } from './mgo.ts'

const server = await startGitServer()
const state = mkdtempSync(join(tmpdir(), 'mgo-order-'))
after(async () => {
  await server.close()
  rmSync(state, { recursive: true, force: true })
})

const path = 'installations/prod/shop-values.yaml'
const nothing = () => undefined

function asked(tag: string, acceptedAt: number): DeployRequest {
  return {
    id: requestId(acceptedAt, new Uint8Array(16)),
    cluster: 'prod' as Cluster,
    source: 'github.com/acme/shop',
    image: { repository: 'localhost:5000/acme/shop', tag, digest: undefined },
    author: { name: 'Ada', email: 'ada@example.com' },
    acceptedAt,
  }
}

test('an earlier request that never came through does not land upon a later one that did', async () => {
  const bare = makeBare(server.root, 'order.git', { [path]: values('shop') })
  const committer = { name: 'mgo', email: 'mgo@localhost' }
  const env = { PATH: process.env['PATH'] ?? '' }
  const repo = await openRepo(server.url('order.git'), { mirrors: state, committer, secrets: openSecrets(), env })
  const base = (await repo.fetch()) ?? assert.fail('the repo has no tip')
  const commit = (batch: readonly Queued[]) =>
    commitBatch(batch, {
      repo,
      clock: { now: () => 3_000, id: () => requestId(3_000, new Uint8Array(16)), sleep: async () => undefined },
      tell: nothing,
      attempting: async () => undefined,
      unready: async () => new Map<RequestId, Problem>(),
    })
  const [earlier, later] = [asked('v2', 1_000), asked('v3', 2_000)]
  assert.equal((await commit([{ request: later }]))[0]?.kind, 'committed')
  // What a server that was killed before it heard of its push leaves to the next one: both, or the earlier one first.
  const both = [
    { request: earlier, base, later: later.id },
    { request: later, base },
  ]
  const kinds = async (batch: readonly Queued[]) => (await commit(batch)).map(({ kind }) => kind)
  assert.deepEqual(await kinds(both), ['superseded', 'committed'])
  assert.deepEqual(await kinds(both.slice(0, 1)), ['superseded'])
  assert.equal(git(bare, 'rev-list', '--count', 'main').trim(), '2')
  assert.match(git(bare, 'show', `main:${path}`), /tag: "v3"/)
  await repo.close()
})
