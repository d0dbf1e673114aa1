/**
 * `POST /v1/rollbacks` on a server of its own that commits only: the image before, once, whatever dies in between.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { git } from '../git-server.ts'
import { script, seen } from '../seen.ts'
import { type Answer, startTrial, type Trial } from '../trial.ts'

const folder = mkdtempSync(join(tmpdir(), 'mgo-rollbacks-'))
after(() => rmSync(folder, { recursive: true, force: true }))

/** A server on which app0 went from v1 to v2. */
async function deployed(): Promise<Trial> {
  const trial = await startTrial({ apps: 2 })
  assert.equal((await trial.send(0, 'v2', { wait: '30s' })).verdict, 'committed')
  return trial
}

type Sending = { readonly wait?: string; readonly key?: string }

function back(trial: Trial, { wait, key }: Sending = {}): Promise<Answer> {
  return trial.ask(`/v1/rollbacks${wait === undefined ? '' : `?wait=${wait}`}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(key === undefined ? {} : { 'idempotency-key': key }) },
    body: JSON.stringify({ cluster: 'prod', release: 'app0', author: 'Grace <grace@example.com>' }),
  })
}

test('the image before, as a commit by who asked, with its trailer and its place in the audit trail', async () => {
  const trial = await deployed()
  const said = await back(trial, { wait: '30s' })
  assert.deepEqual([said.status, said.verdict], [200, 'committed'])
  assert.match(trial.file(0), /tag: "v1"/)
  assert.equal(git(trial.bare, 'log', '-1', '--format=%an <%ae>', 'main').trim(), 'Grace <grace@example.com>')
  assert.equal(trial.commitsOf(said.id), 1)
  const trail = (await trial.ask('/v1/audit')) as unknown as { readonly entries: readonly { readonly entry: string }[] }
  const first = git(trial.bare, 'rev-list', '--max-parents=0', 'main').trim()
  assert.ok(trail.entries.some(({ entry }) => entry.includes(String(said.id)) && entry.includes(`"backTo":"${first}"`)))
  await trial.end()
})

test('kill -9 while its push is under way: it ends in one commit, and the key still knows it', async () => {
  const trial = await deployed()
  const before = git(trial.bare, 'rev-parse', 'main')
  const pushes = trial.git.pushes()
  trial.git.fault('hang')
  const { id, status } = await back(trial, { key: 'night' })
  assert.equal(status, 202)
  await seen(() => trial.git.pushes() > pushes)
  await trial.service().kill()
  assert.equal(git(trial.bare, 'rev-parse', 'main'), before, 'nothing has moved')
  await trial.start()
  assert.equal((await trial.verdict(id)).verdict, 'committed')
  assert.equal((await back(trial, { wait: '5s', key: 'night' })).id, id)
  assert.equal(trial.commitsOf(id), 1)
  assert.match(trial.file(0), /tag: "v1"/)
  await trial.end()
})

test('kill -9 after its push was taken: it is found by its trailer, and not made again', async () => {
  const trial = await deployed()
  const marker = join(folder, 'taken')
  const hook = join(trial.bare, 'hooks', 'post-receive')
  script(hook, `touch ${marker}; sleep 2`)
  const { id } = await back(trial)
  await seen(() => existsSync(marker))
  await trial.service().kill()
  rmSync(hook)
  await trial.start()
  assert.equal((await trial.verdict(id)).verdict, 'committed')
  assert.equal(trial.commitsOf(id), 1)
  assert.match(trial.file(0), /tag: "v1"/)
  await trial.end()
})

test('git is away, and then the server dies: it is kept, with what it may undo', async () => {
  const trial = await deployed()
  await trial.git.stop()
  const first = await back(trial, { key: 'night' })
  assert.equal(first.status, 202)
  await trial.service().kill()
  await trial.start()
  assert.equal((await back(trial, { key: 'night' })).id, first.id)
  const unseen = await back(trial)
  assert.deepEqual([unseen.status, unseen.code, unseen.id], [502, 'GIT_UNREACHABLE', undefined])
  await trial.git.start()
  assert.equal((await trial.verdict(first.id)).verdict, 'committed')
  assert.equal(trial.commitsOf(first.id), 1)
  assert.match(trial.file(0), /tag: "v1"/)

  await trial.send(0, 'v3', { wait: '30s' })
  await trial.git.stop()
  const second = await back(trial)
  await trial.service().kill()
  trial.foreign(trial.path(0), (text) => text.replace('"v3"', '"v4"'))
  await trial.start()
  await trial.git.start()
  assert.equal((await trial.verdict(second.id)).problem?.code, 'ROLLBACK_OVERTAKEN')
  assert.equal(trial.commitsOf(second.id), 0)
  assert.match(trial.file(0), /tag: "v4"/)
  await trial.end()
})

test('mgo rollback --server says that git is away, and in the end what came of it', async () => {
  const trial = await deployed()
  await trial.git.stop()
  const author = ['--author', 'Grace <grace@example.com>']
  const command = trial.mgo.run('rollback', 'app0', '--cluster', 'prod', '--server', trial.service().url, ...author)
  await seen(() => trial.service().log().includes('a request waits for git'))
  await trial.git.start()
  const { code, stdout, stderr } = await command
  assert.deepEqual([code, stdout.split(':')[0]], [0, 'committed'])
  const first = git(trial.bare, 'rev-list', '--max-parents=0', 'main').slice(0, 12)
  const [going, away] = stderr.split('\n')
  assert.equal(going, `going back to ${first}: localhost:5000/acme/app0:v1`)
  assert.match(
    away ?? '',
    /^git is away: it is done when git is back, unless another image than at [0-9a-f]{12} is there/,
  )
  await trial.end()
})

test('a later deploy takes the place of a rollback that has no commit yet', async () => {
  const trial = await deployed()
  trial.git.fault('slow')
  const other = await trial.send(1, 'v2')
  const rollback = await back(trial)
  const deploy = await trial.send(0, 'v3')
  assert.equal((await trial.verdict(other.id)).verdict, 'committed')
  const first = await trial.verdict(rollback.id)
  const second = await trial.verdict(deploy.id)
  assert.equal(second.verdict, 'committed')
  // Whoever came in time has its commit; who did not is told by whom it was replaced.
  if (first.verdict === 'superseded') assert.equal(first.supersededBy, deploy.id)
  else assert.equal(first.verdict, 'committed')
  assert.equal(trial.commitsOf(rollback.id), first.verdict === 'superseded' ? 0 : 1)
  assert.match(trial.file(0), /tag: "v3"/)
  await trial.end()
})
