/**
 * The journal behind its thread: what goes across, and how it ends.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { ask, commit, open, same, verdict } from '../../test/journal.ts'
import type { RequestId } from '../release/ids.ts'
import type { Wrote } from './group.ts'
import { openJournal } from './journal.ts'
import { openJournalThread } from './thread.ts'

const folder = mkdtempSync(join(tmpdir(), 'mgo-thread-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const deaf = () => undefined

test('what is asked of it is done in order, and shares transactions', async () => {
  const file = join(folder, 'order.sqlite')
  const wrote: Wrote[] = []
  const journal = await openJournalThread(file, (one) => void wrote.push(one))
  const requests = Array.from({ length: 50 }, (_, i) => ask(1_000 + i))
  const [first, second] = requests
  assert.ok(first !== undefined && second !== undefined)
  const once = { scope: 'ci', key: 'k1', fingerprint: 'f' }
  const accepted = await Promise.all(requests.map((one) => journal.accept(one, one === first ? once : undefined)))
  assert.ok(accepted.every(({ kind }) => kind === 'new'))
  await Promise.all([
    journal.committed(first.id, commit),
    journal.finish(verdict(first.id)),
    journal.finish(verdict(second.id)),
  ])
  same((await journal.find(first.id))?.verdict, verdict(first.id))
  same(await journal.again(once), { kind: 'again', request: first })
  assert.equal(await journal.find('nothing' as RequestId), undefined)
  assert.equal((await open(journal)).length, 48)
  assert.equal((await journal.trail.page({ limit: 100 })).length, 52)
  assert.equal(await journal.held.count(), 0)
  assert.equal(
    wrote.reduce((sum, { writes }) => sum + writes, 0),
    53,
  )
  assert.ok(wrote.length < 10, `${wrote.length} transactions`)
  await journal.close()
})

test('what still waits is written before it closes, and nothing is taken after', async () => {
  const file = join(folder, 'close.sqlite')
  const journal = await openJournalThread(file, deaf)
  const request = ask(1)
  const accepted = journal.accept(request)
  await journal.close()
  assert.equal((await accepted).kind, 'new')
  await assert.rejects(journal.find(request.id), { code: 'JOURNAL_FAILED', message: /it is closed/ })
  const again = openJournal(file)
  same(await open(again), [request])
  again.close()
})

test('errors come across with their code and their next step', async () => {
  const file = join(folder, 'twice.sqlite')
  const first = await openJournalThread(file, deaf)
  await assert.rejects(openJournalThread(file, deaf), { code: 'JOURNAL_FAILED', hint: /^Another mgo serves/ })
  const request = ask(1)
  await first.accept(request)
  await assert.rejects(first.accept(request), { code: 'JOURNAL_FAILED', message: /UNIQUE/ })
  await first.close()
})
