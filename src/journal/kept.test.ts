import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { ask, commit, open, same, verdict } from '../../test/journal.ts'
import { type Cluster, type Commit, requestId } from '../release/ids.ts'
import type { EventsOf } from './events.ts'
import { openJournal } from './journal.ts'

const folder = mkdtempSync(join(tmpdir(), 'mgo-journal-'))
after(() => rmSync(folder, { recursive: true, force: true }))

test('a key stands for its first request: again, with something else, of somebody else, in one moment', async () => {
  const journal = openJournal(join(folder, 'keys.sqlite'))
  const once = { scope: 'token ci', key: 'key 1', fingerprint: 'a' }
  const [first, second] = await Promise.all([journal.accept(ask(1_000), once), journal.accept(ask(2_000), once)])
  assert.equal(first.kind, 'new')
  same(second, { kind: 'again', request: ask(1_000) })
  same(await journal.accept(ask(3_000), { ...once, fingerprint: 'b' }), { kind: 'mismatch', id: ask(1_000).id })
  assert.equal((await journal.accept(ask(4_000), { ...once, scope: 'token other' })).kind, 'new')
  assert.equal((await open(journal)).length, 2)
  journal.close()
})

test('a key that counts for a while only stands for the first request of that while', async () => {
  const journal = openJournal(join(folder, 'while.sqlite'))
  const once = { scope: 'hook ci', key: 'delivery 1', fingerprint: 'a' }
  const accept = async (at: number, since: number) => (await journal.accept(ask(at), { ...once, since })).kind
  assert.equal(await accept(1_000, 400), 'new')
  assert.equal(await accept(1_600, 1_000), 'again')
  assert.equal(await accept(1_601, 1_001), 'new', 'a retry does not make it longer')
  assert.equal(await accept(2_000, 1_400), 'again')
  same(await journal.again({ ...once, since: 1_400 }), { kind: 'again', request: ask(1_601) })
  journal.close()
})

test('what a restart needs: commit, base of the last push, tries; forgotten when the server goes down in order', async () => {
  const file = join(folder, 'left.sqlite')
  const journal = openJournal(file)
  const [first, second] = [ask(1_000), ask(2_000)]
  await Promise.all([journal.accept(first), journal.accept(second)])
  const base = 'b'.repeat(40) as Commit
  await journal.attempting([first.id, second.id], base)
  await journal.committed(first.id, commit)
  await journal.begun([first.id])
  same(await journal.counted(), { requests: 2, bytes: JSON.stringify(first).length * 2 })
  journal.close()
  const again = openJournal(file)
  same(await again.unfinished(0, 1), [
    { place: 1, request: first, commit, base, later: undefined, tries: 1, isTold: false },
  ])
  same(await again.unfinished(1, 9), [
    { place: 2, request: second, commit: undefined, base, later: undefined, tries: 0, isTold: false },
  ])
  await again.calm()
  assert.equal((await again.unfinished(0, 1))[0]?.tries, 0)
  again.close()
})

test('who takes the place of one that is open: the last of its source and cluster, where that asks for another image', async () => {
  const journal = openJournal(join(folder, 'later.sqlite'))
  const image = { ...ask(0).image, tag: 'v9' }
  const all = [
    ask(1_000),
    ask(2_000),
    { ...ask(3_000), image },
    { ...ask(4_000), image, source: 'github.com/acme/other' },
    { ...ask(5_000), image, cluster: 'test' as Cluster },
    { ...ask(6_000), image: { ...image, tag: 'v10' } },
  ]
  for (const request of all) await journal.accept(request)
  const laters = async () => (await journal.unfinished(0, 9)).map(({ later }) => later)
  const [, , third, , , last] = all.map(({ id }) => id)
  assert.deepEqual(await laters(), [last, last, last, undefined, undefined, undefined])
  await journal.finish({ ...verdict(last ?? ask(0).id), verdict: 'refused' })
  assert.deepEqual(
    await laters(),
    [third, third, undefined, undefined, undefined],
    'what has its verdict replaces nobody',
  )
  journal.close()
})

test('the tags that are open for a source on a cluster', async () => {
  const journal = openJournal(join(folder, 'tags.sqlite'))
  const [first, second, other] = [ask(1_000), ask(2_000), { ...ask(3_000), cluster: 'test' as Cluster }]
  for (const request of [first, second, other]) await journal.accept(request)
  const tags = () => journal.openTags('prod' as Cluster, first.source)
  assert.deepEqual(new Set(await tags()), new Set([first.image.tag, second.image.tag]))
  await journal.finish(verdict(first.id))
  await journal.finish(verdict(second.id))
  assert.deepEqual(await tags(), [])
  assert.deepEqual(await journal.openTags('test' as Cluster, other.source), [other.image.tag])
  journal.close()
})

test('events: in order, by request and its cluster, from any number on', async () => {
  const journal = openJournal(join(folder, 'events.sqlite'))
  const [mine, other] = [ask(1_000), { ...ask(2_000), cluster: 'test' as Cluster }]
  const numbers = await journal.append([
    { kind: 'accepted', request: mine, at: 1 },
    { kind: 'accepted', request: other, at: 2 },
    { kind: 'applied', cluster: 'prod' as Cluster, unit: 'app/shop', revision: 1, at: 3 },
    { kind: 'finished', verdict: verdict(mine.id), request: mine, at: 4 },
  ])
  assert.deepEqual(numbers, [1, 2, 3, 4])
  const of = { request: mine.id, cluster: mine.cluster }
  const seqs = async (after: number, of_: EventsOf) => (await journal.eventsAfter(after, of_, 10)).map(({ seq }) => seq)
  assert.deepEqual(await seqs(0, of), [1, 3, 4])
  assert.deepEqual(await seqs(1, of), [3, 4])
  assert.deepEqual(await seqs(0, {}), [1, 2, 3, 4])
  assert.deepEqual(await seqs(0, { cluster: 'test' as Cluster }), [2])
  assert.equal(await journal.firstEvent(other.id), 2)
  assert.equal(await journal.firstEvent(ask(9_000).id), undefined)
  assert.equal(await journal.lastEvent(), 4)
  journal.close()
})

test('prune: what ended long ago goes, with its keys and events; what is open and the newest stay', async () => {
  const journal = openJournal(join(folder, 'prune.sqlite'))
  const all = [1_000, 2_000, 3_000, 9_000].map((at) => ask(at))
  for (const request of all) {
    await journal.accept(request, { scope: '', key: `key ${request.acceptedAt}`, fingerprint: 'f' })
    await journal.append([{ kind: 'accepted', request, at: request.acceptedAt }])
    if (request.acceptedAt !== 2_000) await journal.finish(verdict(request.id))
  }
  assert.equal(await journal.prune(5_000, 1), 2, 'one request, and one event of those that are left')
  while ((await journal.prune(5_000, 10)) > 0);
  same(
    (await journal.list({ limit: 10 })).map(({ request }) => request.acceptedAt),
    [9_000, 2_000],
  )
  assert.equal((await journal.eventsAfter(0, {}, 10)).length, 1)
  const fresh = { ...ask(9_500), id: requestId(9_500, new Uint8Array(16)) }
  assert.equal((await journal.accept(fresh, { scope: '', key: 'key 1000', fingerprint: 'g' })).kind, 'new')
  while ((await journal.prune(99_000, 10)) > 0);
  same((await journal.list({ limit: 10 })).length, 2)
  journal.close()
})
