/**
 * A branch where others are always faster: with real git, over HTTP; they push between our reading of the branch and our push.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { commitBatch } from '../src/deploy/commit.ts'
import type { Repo } from '../src/ports.ts'
import { type Cluster, requestId } from '../src/release/ids.ts'
import { git, makeBare } from './git-server.ts'
import { open, path, server, text, tidy } from './remote.ts'

after(tidy)

/** Commits one request where others win each of the first `races`; a push takes so long by the clock. */
async function losing(name: string, races: number, eachMs: number) {
  const bare = makeBare(server.root, name, { [path]: text() })
  const repo = await open(server.url(name))
  let atMs = 1_000
  let pushes = 0
  const late: Repo = {
    ...repo,
    async push(base, next) {
      atMs += eachMs
      if (++pushes <= races) {
        const foreign = git(bare, 'commit-tree', 'main^{tree}', '-p', 'main', '-m', `Foreign ${pushes}`).trim()
        git(bare, 'update-ref', 'refs/heads/main', foreign)
      }
      return repo.push(base, next)
    },
  }
  const image = { repository: 'acme/app', tag: 'v2', digest: undefined }
  const id = requestId(atMs, new Uint8Array(16))
  const author = { name: 'Ada', email: 'ada@example.com' }
  const request = {
    id,
    cluster: 'prod' as Cluster,
    source: 'github.com/acme/app',
    image,
    author,
    acceptedAt: atMs,
  }
  const clock = { now: () => atMs, id: () => id, sleep: async () => undefined }
  const nothing = { tell: () => undefined, attempting: async () => undefined, unready: async () => new Map() }
  const done = commitBatch([{ request }], { repo: late, clock, ...nothing }).finally(() => repo.close())
  return { done, bare, foreign: () => git(bare, 'log', '--format=%s', 'main').match(/^Foreign/gm)?.length ?? 0 }
}

test('R6: lost races end nothing while there is time, and no commit of the others is lost', async () => {
  const { done, bare, foreign } = await losing('lost-often.git', 40, 1_000)
  assert.equal((await done)[0]?.kind, 'committed')
  assert.match(git(bare, 'show', `main:${path}`), /tag: "?v2/)
  assert.equal(foreign(), 40)
})

test('R6: when the time is up, how often others were first is said', async () => {
  const { done, bare, foreign } = await losing('always-lost.git', 1_000, 10_000)
  await assert.rejects(done, {
    code: 'GIT_BUSY',
    message: /^none of 13 pushes to \S+ came through: others were first at 13$/,
  })
  assert.equal(foreign(), 13)
  assert.doesNotMatch(git(bare, 'show', `main:${path}`), /v2/)
})
