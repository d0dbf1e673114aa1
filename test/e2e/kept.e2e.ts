/**
 * Accepted means kept (rows R1 to R5, R9, R29, R33, R35 of the fault matrix): the server is killed at moments that are
 * found from outside, by a git of the test that stands in front of the real one, or by a hook of the bare repository.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { git } from '../git-server.ts'
import { hookOptions, tellPush } from '../registry-hook.ts'
import { script, seen } from '../seen.ts'
import { startTrial, type Trial } from '../trial.ts'

const folder = mkdtempSync(join(tmpdir(), 'mgo-kept-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const realGit = execFileSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim()

/** A git that stops for good once, when mgo starts `command`, and says so by making `marker`. */
function stoppingGit(command: string): { readonly shims: string; readonly marker: string } {
  const shims = mkdtempSync(join(folder, 'shims-'))
  const marker = join(shims, 'marker')
  const stop = `case " $* " in *" ${command} "*) if [ ! -e ${marker} ]; then touch ${marker}; exec sleep 60; fi ;; esac`
  script(join(shims, 'git'), `${stop}\nexec ${realGit} "$@"`)
  return { shims, marker }
}

async function ended(trial: Trial): Promise<void> {
  await trial.check()
  await trial.end()
}

test('R1: kill -9 after the 202 and before the commit', async () => {
  const trial = await startTrial()
  await trial.git.stop()
  const { id, status } = await trial.send(0, 'v2')
  assert.equal(status, 202)
  await trial.service().kill()
  await trial.start()
  await trial.git.start()
  assert.equal((await trial.verdict(id)).verdict, 'committed')
  assert.equal(trial.commitsOf(id), 1)
  await ended(trial)
})

/** Kills the server at `moment`, before anything has moved, and sees the request end in the next one. */
async function killedBeforeThePush(trial: Trial, moment: () => Promise<void>): Promise<void> {
  const before = git(trial.bare, 'rev-parse', 'main')
  const { id } = await trial.send(0, 'v2')
  await moment()
  await trial.service().kill()
  assert.equal(git(trial.bare, 'rev-parse', 'main'), before, 'nothing has moved')
  await trial.start()
  assert.equal((await trial.verdict(id)).verdict, 'committed')
  assert.equal(git(trial.bare, 'log', '-1', '--format=%an <%ae>', 'main').trim(), 'Dev 0 <dev0@example.com>')
  await ended(trial)
}

test('R2: kill -9 while the commits are written', async () => {
  const { shims, marker } = stoppingGit('fast-import')
  await killedBeforeThePush(await startTrial({ shims }), () => seen(() => existsSync(marker)))
})

test('R3: kill -9 after the commits are written and before the push', async () => {
  const trial = await startTrial()
  const pushes = trial.git.pushes()
  trial.git.fault('hang')
  await killedBeforeThePush(trial, () => seen(() => trial.git.pushes() > pushes))
})

test('R4: kill -9 after the push was taken; meanwhile a later one for the same source has landed', async () => {
  const trial = await startTrial()
  const marker = join(folder, 'taken')
  const hook = join(trial.bare, 'hooks', 'post-receive')
  script(hook, `touch ${marker}; sleep 2`)
  const { id } = await trial.send(0, 'v2')
  await seen(() => existsSync(marker))
  const waiting = await trial.send(0, 'v3')
  await trial.service().kill()
  rmSync(hook)
  trial.foreign('installations/prod/app0-values.yaml', (text) => text.replace('"v2"', '"v9"'))
  await trial.start()
  const first = await trial.verdict(id)
  assert.equal(first.verdict, 'committed', 'it is found by its trailer')
  assert.equal((await trial.verdict(waiting.id)).verdict, 'committed')
  assert.equal(trial.commitsOf(id), 1)
  assert.match(trial.file(0), /"v3"/)
  await ended(trial)
})

for (const fault of ['cut', 'torn'] as const) {
  test(`R5: the answer to a push is lost (${fault})`, async () => {
    const trial = await startTrial()
    trial.git.fault(fault, 2)
    const answers = await Promise.all([0, 1, 2].map((app) => trial.send(app, 'v2', { wait: '30s' })))
    assert.deepEqual(
      answers.map(({ verdict }) => verdict),
      ['committed', 'committed', 'committed'],
    )
    await ended(trial)
  })
}

test('R9: a lock that is left on the server’s branch holds deploys up, and no longer', async () => {
  const trial = await startTrial()
  const lock = join(trial.bare, 'refs', 'heads', 'main.lock')
  writeFileSync(lock, '')
  const { id } = await trial.send(0, 'v2')
  await new Promise((resolve) => setTimeout(resolve, 1_500))
  assert.equal((await trial.ask(`/v1/deploys/${id}`)).status, 202)
  rmSync(lock)
  assert.equal((await trial.verdict(id)).verdict, 'committed')
  await ended(trial)
})

test('R29: the same key and the same request get the same answer, also after a restart; another request is a 409', async () => {
  const trial = await startTrial()
  const sent = await Promise.all([0, 0, 0].map((app) => trial.send(app, 'v2', { key: 'job-1' })))
  assert.equal(new Set(sent.map(({ id }) => id)).size, 1)
  await trial.verdict(sent[0]?.id)
  await trial.service().kill()
  await trial.start()
  const again = await trial.send(0, 'v2', { key: 'job-1', wait: '5s' })
  assert.equal(again.id, sent[0]?.id)
  assert.equal(again.verdict, 'committed')
  const other = await trial.send(0, 'v3', { key: 'job-1' })
  assert.deepEqual([other.status, other.code], [409, 'IDEMPOTENCY_MISMATCH'])
  await ended(trial)
})

test('R29: a version that is told of too late does not undo a newer one, which a dead server had accepted', async () => {
  const trial = await startTrial(hookOptions(join(folder, 'mgo.server.yaml'), [0]))
  trial.git.fault('hang', 1_000)
  const tell = (version: string) => tellPush(trial.service().url, { app: 0, version })
  const newer = await tell('1.4.0')
  assert.equal(newer.status, 202, newer.text)
  await trial.service().kill()
  await trial.start()
  const older = await tell('1.3.0')
  assert.equal(older.status, 200, older.text)
  assert.match(older.text, /1\.3\.0 is older than 1\.4\.0/)
  assert.deepEqual((await tell('1.4.0')).ids, newer.ids)
  trial.git.fault('none', 0)
  assert.equal((await trial.verdict(newer.ids[0])).verdict, 'committed')
  assert.match(trial.file(0), /tag: "?1\.4\.0/)
  await trial.end()
})

test('R33: a request that kills the server each time is set aside; the others go on', async () => {
  const trial = await startTrial()
  const pid = join(folder, 'pid')
  // What such a request does to the process is done to it from outside: whoever pushes its commit dies.
  script(
    join(trial.bare, 'hooks', 'pre-receive'),
    `read old new ref; if git log --format=%s $old..$new | grep -q poison; then kill -9 $(cat ${pid}); sleep 1; exit 1; fi`,
  )
  const ids: (string | undefined)[] = []
  writeFileSync(pid, String(trial.service().pid))
  for (const [app, tag] of [
    [0, 'v2'],
    [1, 'poison'],
    [2, 'v2'],
  ] as const)
    ids.push(await trial.insist(app, tag, `key-${app}`).then(({ id }) => id))
  for (let starts = 0; starts < 12; starts++) {
    const died = await Promise.race([
      trial.service().ended.then(() => true),
      trial.verdict(ids[1]).then(
        () => false,
        () => false,
      ),
    ])
    if (!died) break
    await trial.start()
    writeFileSync(pid, String(trial.service().pid))
  }
  const poison = await trial.verdict(ids[1])
  assert.equal(poison.problem?.code, 'REQUEST_POISON')
  const told = await fetch(`${trial.service().url}/v1/deploys/${ids[1]}/events`).then((response) => response.text())
  assert.match(told, /^id: \d+\nevent: finished\ndata: .*REQUEST_POISON/m)
  assert.equal((await trial.verdict(ids[0])).verdict, 'committed')
  assert.equal((await trial.verdict(ids[2])).verdict, 'committed')
  assert.equal((await trial.send(3, 'v2', { wait: '30s' })).verdict, 'committed')
  await ended(trial)
})

test('R35: SIGTERM finishes the push under way and keeps the rest', async () => {
  const trial = await startTrial()
  trial.git.fault('slow', 1)
  const first = await trial.send(0, 'v2')
  await new Promise((resolve) => setTimeout(resolve, 100))
  const rest = await Promise.all([1, 2].map((app) => trial.send(app, 'v2')))
  const beganMs = performance.now()
  assert.equal(await trial.service().stop(), 0)
  assert.ok(performance.now() - beganMs < 25_000)
  assert.equal(trial.commitsOf(first.id), 1)
  assert.deepEqual(
    rest.map(({ id }) => trial.commitsOf(id)),
    [0, 0],
  )
  await trial.start()
  for (const { id } of rest) assert.equal((await trial.verdict(id)).verdict, 'committed')
  await ended(trial)
})
