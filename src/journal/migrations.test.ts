import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, test } from 'node:test'
import { ask, commit, open, same, verdict } from '../../test/journal.ts'
import type { Cluster } from '../release/ids.ts'
import { openJournal } from './journal.ts'

const folder = mkdtempSync(join(tmpdir(), 'mgo-journal-'))
after(() => rmSync(folder, { recursive: true, force: true }))

/** The shape that the first release wrote, and the statements that it works with: both are history, so they stand here as they were. */
const firstShape = `CREATE TABLE requests (id TEXT PRIMARY KEY, accepted_at INTEGER NOT NULL, request TEXT NOT NULL, verdict TEXT) STRICT;
  CREATE INDEX requests_open ON requests (accepted_at) WHERE verdict IS NULL; PRAGMA user_version = 1;`
const statementsBefore = {
  insert: 'INSERT INTO requests (id, accepted_at, request) VALUES (?, ?, ?)',
  commit: 'UPDATE requests SET commit_id = ? WHERE id = ? AND verdict IS NULL',
  end: 'UPDATE requests SET verdict = ?, commit_id = coalesce(?, commit_id) WHERE id = ? AND verdict IS NULL',
  open: 'SELECT request, commit_id, verdict FROM requests WHERE verdict IS NULL ORDER BY accepted_at, id',
}

test('the way up: a file of the first shape is brought to this one, with all that it holds', async () => {
  const file = join(folder, 'up.sqlite')
  const raw = new DatabaseSync(file)
  raw.exec(firstShape)
  const old = ask(1_000)
  raw.prepare('INSERT INTO requests VALUES (?, ?, ?, NULL)').run(old.id, old.acceptedAt, JSON.stringify(old))
  raw.close()
  const journal = openJournal(file)
  await journal.committed(old.id, commit)
  same(await journal.list({ limit: 10, cluster: 'prod' as Cluster }), [{ request: old, commit, verdict: undefined }])
  journal.close()
})

test('the way back: an older mgo reads and writes a file of this shape, and this one goes on after it', async () => {
  const file = join(folder, 'back.sqlite')
  const journal = openJournal(file)
  const [first, second, third] = [ask(1_000), ask(2_000), ask(3_000)]
  await journal.accept(first, { scope: 'ci', key: 'key 1', fingerprint: 'f' })
  await journal.accept(second)
  await journal.append([{ kind: 'accepted', request: first, at: 1 }])
  journal.close()

  const older = new DatabaseSync(file)
  assert.equal(older.prepare(statementsBefore.open).all().length, 2)
  older.prepare(statementsBefore.commit).run(commit, first.id)
  older.prepare(statementsBefore.end).run(JSON.stringify(verdict(first.id)), commit, first.id)
  older.prepare(statementsBefore.insert).run(third.id, third.acceptedAt, JSON.stringify(third))
  older.close()

  const again = openJournal(file)
  same(await open(again), [second, third])
  same(await again.find(first.id), { request: first, commit, verdict: verdict(first.id) })
  assert.equal((await again.list({ limit: 10, cluster: 'prod' as Cluster })).length, 3)
  again.close()
})

const newer: [oldest: string, opens: boolean, why: string][] = [
  ['INSERT INTO shape VALUES (3)', true, 'it has steps that this mgo need not know'],
  ['INSERT INTO shape VALUES (98)', false, 'it changed what this mgo relies on'],
  ['DROP TABLE shape', false, 'it does not say who may read it'],
]
for (const [i, [change, opens, why]] of newer.entries()) {
  test(`a file of a newer mgo is ${opens ? 'used as it is' : 'refused'}: ${why}`, async () => {
    const file = join(folder, `newer${i}.sqlite`)
    openJournal(file).close()
    const raw = new DatabaseSync(file)
    raw.exec('CREATE TABLE later (text TEXT) STRICT')
    raw.exec(`${change}; PRAGMA user_version = 99`)
    raw.close()
    if (!opens) {
      assert.throws(() => openJournal(file), { code: 'JOURNAL_FAILED', message: /newer mgo \(shape 99/ })
      return
    }
    const journal = openJournal(file)
    await journal.accept(ask(1_000))
    journal.close()
    const after = new DatabaseSync(file)
    assert.deepEqual({ ...after.prepare('PRAGMA user_version').get() }, { user_version: 99 }, 'and keeps its number')
    after.close()
  })
}
