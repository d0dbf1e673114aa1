import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { MgoError } from '../error.ts'
import type { Cluster, Commit } from '../release/ids.ts'
import { ask, commit, open, same, verdict } from '../../test/journal.ts'
import { openJournal } from './journal.ts'
import type { Listing } from '../release/asking.ts'

const folder = mkdtempSync(join(tmpdir(), 'mgo-journal-'))
after(() => rmSync(folder, { recursive: true, force: true }))

test('a request from accepted to its verdict, across a restart', async () => {
  const file = join(folder, 'deep', 'er', 'journal.sqlite')
  const [first, second] = [ask(1_000), ask(2_000)]
  const journal = openJournal(file)
  await Promise.all([journal.accept(second), journal.accept(first)])
  same(await open(journal), [second, first])
  await journal.committed(first.id, commit)
  same(await journal.find(first.id), { request: first, commit, verdict: undefined })
  await journal.finish(verdict(first.id))
  journal.close()

  const again = openJournal(file)
  same(await open(again), [second])
  same(await again.find(first.id), { request: first, commit, verdict: verdict(first.id) })
  assert.equal(await again.find(ask(3_000).id), undefined)
  again.close()
})

test('the first verdict counts, and a later commit does not change its record', async () => {
  const journal = openJournal(join(folder, 'first.sqlite'))
  const { id } = ask(1_000)
  await journal.accept(ask(1_000))
  await journal.finish(verdict(id, 'failed'))
  await journal.finish(verdict(id, 'healthy'))
  await journal.committed(id, 'b'.repeat(40) as Commit)
  const found = await journal.find(id)
  assert.equal(found?.verdict?.verdict, 'failed')
  assert.equal(found?.commit, commit)
  journal.close()
})

test('list: the newest first, no more than asked for', async () => {
  const journal = openJournal(join(folder, 'recent.sqlite'))
  for (const at of [3_000, 1_000, 2_000]) await journal.accept(ask(at))
  assert.deepEqual(
    (await journal.list({ limit: 2 })).map(({ request }) => request.acceptedAt),
    [3_000, 2_000],
  )
  assert.equal((await journal.list({ limit: 0 })).length, 1)
  assert.equal((await journal.list({ limit: Number.MAX_SAFE_INTEGER })).length, 3)
  journal.close()
})

test('list: of one cluster, of one release, and page by page', async () => {
  const journal = openJournal(join(folder, 'list.sqlite'))
  const all = [1_000, 2_000, 3_000, 4_000].map((at) => ask(at))
  for (const [i, request] of all.entries()) {
    await journal.accept({ ...request, cluster: (i === 0 ? 'test' : 'prod') as Cluster })
    const release = i % 2 === 0 ? 'app/even' : 'app/odd'
    await journal.finish({ ...verdict(request.id), releases: [{ release, verdict: 'healthy', reason: '' }] })
  }
  const times = async (listing: Omit<Listing, 'limit'>, limit = 10) =>
    (await journal.list({ ...listing, limit })).map(({ request }) => request.acceptedAt)
  assert.deepEqual(await times({ cluster: 'prod' as Cluster }), [4_000, 3_000, 2_000])
  assert.deepEqual(await times({ release: 'app/even' }), [3_000, 1_000])
  assert.deepEqual(await times({ release: 'app/even', cluster: 'test' as Cluster }), [1_000])
  assert.deepEqual(await times({}, 2), [4_000, 3_000])
  assert.deepEqual(await times({ before: all[2]?.id }, 2), [2_000, 1_000])
  journal.close()
})

test('one bad write fails alone; its neighbours of the same transaction are kept', async () => {
  const journal = openJournal(join(folder, 'alone.sqlite'))
  await journal.accept(ask(1_000))
  const answers = await Promise.allSettled([ask(2_000), ask(1_000), ask(3_000)].map((one) => journal.accept(one)))
  assert.deepEqual(
    answers.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  )
  assert.equal((await open(journal)).length, 3)
  journal.close()
})

test('close writes what still waits', async () => {
  const file = join(folder, 'closing.sqlite')
  const journal = openJournal(file)
  const accepted = journal.accept(ask(1_000))
  journal.close()
  await accepted
  const again = openJournal(file)
  assert.equal((await open(again)).length, 1)
  again.close()
  await assert.rejects(again.accept(ask(2_000)), { code: 'JOURNAL_FAILED' })
})

test('only its owner may read the files', async () => {
  const file = join(folder, 'private.sqlite')
  const journal = openJournal(file)
  await journal.accept(ask(1_000))
  for (const end of ['', '-wal']) assert.equal(statSync(`${file}${end}`).mode & 0o777, 0o600)
  journal.close()
})

/** A process of its own that accepts one request after the other, and says each id once it is kept. */
const writer = `
const { openJournal } = await import(process.argv[1])
const { requestId } = await import(process.argv[2])
const journal = openJournal(process.argv[3])
for (let at = 1; ; at++) {
  const asked = [1, 2, 3].map((one) => ({ id: requestId(at * 10 + one, new Uint8Array(16)), acceptedAt: at }))
  await Promise.all(asked.map((one) => journal.accept(one)))
  process.stdout.write(asked.map(({ id }) => id + '\\n').join(''))
}`

test('kill -9 at any moment: whatever was acknowledged is there afterwards', async () => {
  const file = join(folder, 'killed.sqlite')
  const modules = [join(import.meta.dirname, 'journal.ts'), join(import.meta.dirname, '..', 'release', 'ids.ts')]
  const child = spawn(process.execPath, ['--input-type=module', '-e', writer, ...modules, file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString()
    if (said.length > 5_000) child.kill('SIGKILL')
  })
  await new Promise((resolve) => child.on('close', resolve))
  const acknowledged = said.split('\n').slice(0, -1)
  assert.ok(acknowledged.length > 100)
  const journal = openJournal(file)
  const kept = new Set((await open(journal)).map(({ id }) => id as string))
  assert.deepEqual(
    acknowledged.filter((id) => !kept.has(id)),
    [],
  )
  journal.close()
})

test('a disk that takes no more: refused with a code, nothing half there, and it goes on when there is room', async () => {
  const file = join(folder, 'full.sqlite')
  const journal = openJournal(file)
  await journal.accept(ask(1_000))
  // No file of this process may grow over this many bytes: what the journal sees of a full disk, without being root.
  const limit = (bytes: string) => execFileSync('prlimit', ['--pid', String(process.pid), `--fsize=${bytes}:unlimited`])
  limit(String(statSync(`${file}-wal`).size))
  const refused = await Promise.allSettled([ask(2_000), ask(3_000)].map((one) => journal.accept(one)))
  limit('unlimited')
  for (const one of refused) {
    assert.ok(one.status === 'rejected' && one.reason instanceof MgoError)
    assert.equal(one.reason.code, 'JOURNAL_FAILED')
    assert.match(one.reason.hint, /disk full/)
  }
  same(await open(journal), [ask(1_000)])
  await journal.accept(ask(4_000))
  journal.close()
  const again = openJournal(file)
  same(await open(again), [ask(1_000), ask(4_000)])
  again.close()
})

const bad: [name: string, make: (file: string) => void, hint: RegExp, why: string][] = [
  [
    'text.sqlite',
    (file) => writeFileSync(file, 'this is no database, '.repeat(100)),
    /no journal of mgo/,
    'another file',
  ],
  ['taken', (file) => writeFileSync(file, ''), /path right/, 'a file where the folder should be'],
]
for (const [name, make, hint, why] of bad) {
  test(`cannot be opened: ${why}`, () => {
    make(join(folder, name))
    const file = name.includes('.') ? join(folder, name) : join(folder, name, 'journal.sqlite')
    assert.throws(() => openJournal(file), { code: 'JOURNAL_FAILED', hint })
  })
}

test('two servers on one journal: the second one is refused, until the first has gone', () => {
  const file = join(folder, 'two.sqlite')
  const first = openJournal(file)
  assert.throws(() => openJournal(file), { code: 'JOURNAL_FAILED', hint: /Another mgo/ })
  first.close()
  openJournal(file).close()
})
