import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { HeldPush } from '../release/held.ts'
import { type Cluster, requestId } from '../release/ids.ts'
import { openJournal } from './journal.ts'

const folder = mkdtempSync(join(tmpdir(), 'mgo-held-'))
after(() => rmSync(folder, { recursive: true }))
const push = (at: number, more: Partial<HeldPush> = {}): HeldPush => ({
  id: requestId(at, randomBytes(16)),
  hook: 'ci',
  how: 'hmac-sha256',
  delivery: 'd',
  repository: 'acme/web',
  tag: 'v1',
  source: 's',
  cluster: 'prod' as Cluster,
  at,
  until: at + 60_000,
  ...more,
})

test('a push that waits: known again, in order, over a restart; the first outcome counts', async () => {
  const file = join(folder, 'journal.sqlite')
  const first = openJournal(file)
  const [one, two] = [push(2_000), push(1_000, { tag: 'v0' })]
  assert.equal((await first.held.hold(one)).id, one.id)
  assert.equal((await first.held.hold(push(3_000))).id, one.id, 'the vendor sends it again')
  assert.equal((await first.held.hold(two)).id, two.id)
  first.close()

  const second = openJournal(file)
  const { held } = second
  assert.deepEqual(
    (await held.open('', 10)).map(({ tag }) => tag),
    ['v0', 'v1'],
  )
  assert.deepEqual(await held.open(one.id, 10), [])
  assert.equal(await held.count(), 2)
  await held.pinned({ ...one, digest: 'sha256:1' })
  assert.equal((await held.find(one.id))?.push.digest, 'sha256:1')
  const request = requestId(4_000, randomBytes(16))
  await held.end(one.id, { kind: 'accepted', request, image: 'acme/web:v1@sha256:1' })
  await held.end(one.id, { kind: 'ignored', why: 'too late' })
  assert.equal((await held.find(one.id))?.outcome?.kind, 'accepted')
  assert.equal((await held.before(request))?.id, one.id)
  assert.equal(await held.before(two.id), undefined)
  assert.deepEqual(
    (await held.newest(1)).map(({ push: { id } }) => id),
    [one.id],
  )
  const again = push(5_000)
  assert.equal((await held.hold(again)).id, again.id, 'once it ended, the same is a push of its own')
  second.close()
})

test('the same bytes much later are one push with what waits, for as long as the later one may', async () => {
  const journal = openJournal(join(folder, 'longer.sqlite'))
  const { held } = journal
  const first = push(100_000, { since: 40_000 })
  await held.hold(first)
  await held.pinned({ ...first, digest: 'sha256:1' })
  const retry = await held.hold(push(150_000, { since: 90_000 }))
  assert.deepEqual([retry.id, retry.until, retry.digest], [first.id, first.until, 'sha256:1'])
  const later = await held.hold(push(170_000, { since: 110_000 }))
  assert.deepEqual([later.id, later.until, later.digest], [first.id, 230_000, undefined])
  assert.deepEqual((await held.find(first.id))?.push, later)
  journal.close()
})

test('what ended long ago is forgotten; what waits is not', async () => {
  const journal = openJournal(join(folder, 'old.sqlite'))
  const { held } = journal
  const [ended, waits, fresh] = [push(1_000), push(1_000, { tag: 'v2' }), push(9_000, { tag: 'v3' })]
  for (const one of [ended, waits, fresh]) await held.hold(one)
  for (const { id } of [ended, fresh]) await held.end(id, { kind: 'ignored', why: 'a test' })
  assert.equal(await journal.prune(5_000, 100), 1)
  assert.deepEqual(
    (await held.newest(10)).map(({ push: { tag } }) => tag),
    ['v3', 'v2'],
  )
  journal.close()
})
