/**
 * Outages of git and of the disk (rows R6 to R8, R10 to R13, R15 to R17 and R36 of the fault matrix).
 *
 * @module
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { git } from '../git-server.ts'
import { inside, mountsOfItsOwn } from '../mounts.ts'
import { type Answer, startTrial, type Trial } from '../trial.ts'

const folder = mkdtempSync(join(tmpdir(), 'mgo-outage-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const words = (answers: readonly Answer[]) => answers.map(({ verdict }) => verdict)

async function ended(trial: Trial): Promise<void> {
  await trial.check()
  await trial.end()
}

test('R6, R7: foreign writers beside it and in the same files: every commit of both is kept', async () => {
  const trial = await startTrial()
  const apps = [0, 1, 2, 3, 4, 5, 6, 7]
  const answers = apps.map((app) => trial.send(app, 'v2', { wait: '60s' }))
  for (let turn = 0; turn < 12; turn++) {
    trial.foreign(`installations/prod/app${turn % 3}-values.yaml`, (text) => `${text}# foreign ${turn}\n`)
    if (turn % 4 === 0) answers.push(trial.send(turn / 4, `v3-${turn}`, { wait: '60s' }))
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  const got = words(await Promise.all(answers))
  assert.deepEqual(new Set(got.filter((word) => word !== 'superseded')), new Set(['committed']))
  assert.equal(trial.file(0).match(/# foreign/g)?.length, 4)
  await ended(trial)
})

test('R8: somebody deletes the file and the key while requests wait: those fail clearly, the rest lands', async () => {
  const trial = await startTrial()
  trial.git.trouble('refuse')
  const sent = await Promise.all([0, 1, 2].map((app) => trial.send(app, 'v2')))
  trial.foreign('installations/prod/app0-values.yaml', () => undefined)
  trial.foreign('installations/prod/app1-values.yaml', (text) =>
    text.replace('github.com/acme/app1', 'github.com/acme/moved'),
  )
  trial.git.trouble('none')
  const answers = await Promise.all(sent.map(({ id }) => trial.verdict(id)))
  assert.deepEqual(words(answers), ['refused', 'refused', 'committed'])
  assert.equal(answers[0]?.problem?.code, 'SOURCE_UNKNOWN')
  await ended(trial)
})

test('R10: a rule of the git server refuses one author: only that request fails, and is not tried for ever', async () => {
  const trial = await startTrial()
  const hook = join(trial.bare, 'hooks', 'pre-receive')
  const rule = 'if git log --format=%an $old..$new | grep -q Mallory; then echo "Mallory may not deploy"; exit 1; fi'
  writeFileSync(hook, `#!/bin/sh\nread old new ref\n${rule}\n`)
  chmodSync(hook, 0o755)
  await trial.git.stop()
  const sent = await Promise.all(
    [0, 1, 2, 3, 4].map((app) => trial.send(app, 'v2', app === 3 ? { author: 'Mallory <m@example.com>' } : {})),
  )
  await trial.git.start()
  const answers = await Promise.all(sent.map(({ id }) => trial.verdict(id)))
  assert.deepEqual(words(answers), ['committed', 'committed', 'committed', 'refused', 'committed'])
  assert.equal(answers[3]?.problem?.code, 'GIT_REFUSED')
  const pushes = trial.git.pushes()
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  assert.equal(trial.git.pushes(), pushes)
  await ended(trial)
})

test('R11: git is away: accepted up to the cap, then 503; all go in one push afterwards, and in order', async () => {
  const trial = await startTrial({ apps: 40, args: ['--most', '30'] })
  const first = await trial.send(0, 'v2', { wait: '30s' })
  assert.equal(first.verdict, 'committed')
  await trial.git.stop()
  const sent: Answer[] = []
  for (let app = 1; app < 36; app++) sent.push(await trial.send(app, 'v2'))
  assert.deepEqual(
    [sent.filter(({ status }) => status === 202).length, sent.filter(({ status }) => status === 503).length],
    [30, 5],
  )
  assert.equal(sent.at(-1)?.code, 'OVERLOADED')
  // A later one may come in the place of one that waits, but not beyond the cap.
  assert.equal((await trial.ask('/readyz')).status, 503)
  assert.equal((await trial.ask('/healthz')).status, 200)
  // The first was on its way when git went, so that its push is not known not to have come.
  const cancelled = await trial.ask(`/v1/deploys/${sent[9]?.id}`, { method: 'DELETE' })
  assert.equal(cancelled.problem?.code, 'REQUEST_CANCELLED')
  const pushes = trial.git.pushes()
  await trial.git.start()
  const answers = await Promise.all(sent.slice(0, 30).map(({ id }) => trial.verdict(id)))
  assert.deepEqual(
    words(answers),
    sent.slice(0, 30).map((_, i) => (i === 9 ? 'refused' : 'committed')),
  )
  assert.ok(trial.git.pushes() - pushes <= 2, `${trial.git.pushes() - pushes} pushes`)
  const order = git(trial.bare, 'log', '--reverse', '--format=%an', 'main').trim().split('\n').slice(2)
  assert.deepEqual(
    order,
    Array.from({ length: 30 }, (_, i) => `Dev ${i + 1}`).filter((_, i) => i !== 9),
  )
  await ended(trial)
})

test('R11: away for longer than the patience: each request fails with the cause, none is pushed later', async () => {
  const trial = await startTrial({ args: ['--patience', '2s'] })
  await trial.git.stop()
  const sent = await Promise.all([0, 1, 2].map((app) => trial.send(app, 'v2')))
  const answers = await Promise.all(sent.map(({ id }) => trial.verdict(id)))
  assert.deepEqual(words(answers), ['failed', 'failed', 'failed'])
  assert.equal(answers[0]?.problem?.code, 'GIT_UNREACHABLE')
  await trial.git.start()
  assert.equal((await trial.send(3, 'v2', { wait: '30s' })).verdict, 'committed')
  await ended(trial)
})

for (const trouble of ['hang', 'trickle'] as const) {
  test(`R12: a git server that ${trouble}s: each try has an end, no git stays behind, and it goes on afterwards`, async () => {
    const trial = await startTrial({ args: ['--git-timeout', '2s'] })
    trial.git.trouble(trouble)
    const { id } = await trial.send(0, 'v2')
    await new Promise((resolve) => setTimeout(resolve, 5_000))
    assert.equal((await trial.ask('/healthz')).status, 200)
    trial.git.trouble('none')
    assert.equal((await trial.verdict(id)).verdict, 'committed')
    await new Promise((resolve) => setTimeout(resolve, 2_500))
    const children = execFileSync('ps', ['-o', 'args=', '--ppid', String(trial.service().pid)], { encoding: 'utf8' })
    assert.deepEqual(
      children.split('\n').filter((line) => / (?:push|fetch|ls-remote) |defunct/.test(line)),
      [],
    )
    await ended(trial)
  })
}

test('R13: the branch is rewritten: mgo stops, says so, and never forces; a new start takes it as it is', async () => {
  const trial = await startTrial()
  const before = git(trial.bare, 'rev-parse', 'main').trim()
  const kept = git(trial.bare, 'commit-tree', `${before}^{tree}`, '-m', 'A new beginning').trim()
  assert.equal((await trial.send(0, 'v2', { wait: '30s' })).verdict, 'committed')
  git(trial.bare, 'update-ref', 'refs/heads/main', kept)
  const refused = await trial.send(1, 'v2', { wait: '30s' })
  assert.equal(refused.verdict, 'failed')
  assert.equal(refused.problem?.code, 'GIT_REWRITTEN')
  assert.equal(git(trial.bare, 'rev-parse', 'main').trim(), kept)
  await trial.service().stop()
  await trial.start()
  assert.equal((await trial.send(2, 'v2', { wait: '30s' })).verdict, 'committed')
  assert.equal(git(trial.bare, 'rev-parse', 'main~1').trim(), kept)
  await trial.end()
})

test('R15: the disk is full: nothing is half accepted, health says so, and it recovers', async () => {
  const place = mkdtempSync(join(folder, 'small-'))
  const under = mountsOfItsOwn(place, { state: 24 })
  const trial = await startTrial({ under, stateIn: join(place, 'state') })
  assert.equal((await trial.send(0, 'v2', { wait: '30s' })).verdict, 'committed')
  inside(trial, `dd if=/dev/zero of=${place}/state/fill bs=64k 2>/dev/null || true`)
  let refused: Answer | undefined
  for (let i = 0; i < 200 && refused === undefined; i++) {
    const answer = await trial.send(i % 8, `full-${i}`)
    if (answer.status !== 202) refused = answer
  }
  assert.deepEqual([refused?.status, refused?.code], [507, 'JOURNAL_FAILED'])
  assert.equal((await trial.ask('/readyz')).status, 503)
  inside(trial, `rm ${place}/state/fill`)
  assert.equal((await trial.insist(1, 'room-again', 'k1')).status, 202)
  await ended(trial)
})

test('R17: every write fails: nothing is accepted, health says so, and it recovers', async () => {
  const trial = await startTrial()
  const limit = (bytes: string) =>
    execFileSync('prlimit', ['--pid', String(trial.service().pid), `--fsize=${bytes}:unlimited`])
  limit('1')
  const refused = await trial.send(0, 'v2')
  assert.deepEqual([refused.status, refused.code], [507, 'JOURNAL_FAILED'])
  assert.equal((await trial.ask('/readyz')).status, 503)
  assert.equal((await trial.ask('/healthz')).status, 200)
  limit('unlimited')
  await trial.insist(0, 'v3', 'room-again')
  await ended(trial)
})

test('R16: the disk of the git server is full: tried again with pauses, then it goes through', async () => {
  const trial = await startTrial()
  trial.git.trouble('full')
  const { id } = await trial.send(0, 'v2')
  await new Promise((resolve) => setTimeout(resolve, 4_000))
  assert.ok(trial.git.pushes() < 8, `${trial.git.pushes()} pushes in 4 s`)
  assert.equal((await trial.ask(`/v1/deploys/${id}`)).status, 202)
  trial.git.trouble('none')
  assert.equal((await trial.verdict(id)).verdict, 'committed')
  await ended(trial)
})

test('R36: few files and little memory: it slows down or refuses, and does not die', async () => {
  const trial = await startTrial({ apps: 20, under: ['prlimit', '--nofile=128:128'] })
  // One after the other for each source, so that everybody knows which is the last; all sources at once, with idle callers beside them.
  const idle = Array.from({ length: 300 }, () => connect(Number(new URL(trial.service().url).port), '127.0.0.1'))
  for (const socket of idle) socket.on('error', () => undefined)
  const each = Array.from({ length: 20 }, async (_, app) => {
    for (let i = 0; i < 10; i++) await trial.insist(app, `v${i + 2}`, `key-${app}-${i}`)
  })
  await new Promise((resolve) => setTimeout(resolve, 2_000))
  for (const socket of idle) socket.destroy()
  await Promise.all(each)
  assert.equal((await trial.insist(0, 'after', 'after')).status, 202)
  assert.ok(existsSync(`/proc/${trial.service().pid}`))
  await ended(trial)
})

test('R36: a small heap: what does not fit is told to come again, and nothing that was accepted is lost', async () => {
  const apps = 250
  const env = { NODE_OPTIONS: '--max-old-space-size=64' }
  const trial = await startTrial({ apps, env, args: ['--most', '200'] })
  await trial.git.stop()
  // More than may wait, all at once, with nowhere to go; a later tag takes the place of an earlier one.
  const author = `${'A'.repeat(200)} <a@example.com>`
  let refused = 0
  for (let turn = 0; turn < 4; turn++) {
    const all = Array.from({ length: apps }, (_, app) => trial.send(app, `v${turn}${'x'.repeat(100)}`, { author }))
    refused += (await Promise.all(all)).filter(({ status }) => status === 503).length
  }
  assert.ok(refused > 0)
  assert.equal((await trial.ask('/healthz')).status, 200)
  await trial.git.start()
  await ended(trial)
})
