import assert from 'node:assert/strict'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, test } from 'node:test'
import type { AuditEntry, Verified } from '../release/audit.ts'
import type { HeldPush } from '../release/held.ts'
import { type Cluster, type RequestId, requestId } from '../release/ids.ts'
import type { DeployRequest } from '../release/request.ts'
import type { Verdict } from '../release/verdict.ts'
import { openJournal } from './journal.ts'
import { openTrail, verifier } from './trail.ts'

const folder = mkdtempSync(join(tmpdir(), 'mgo-audit-'))
after(() => rmSync(folder, { recursive: true, force: true }))

function ask(at: number, more: Partial<DeployRequest> = {}): DeployRequest {
  return {
    id: requestId(at, new Uint8Array(16)),
    cluster: 'prod' as Cluster,
    source: 'github.com/acme/shop',
    image: { repository: 'acme/shop', tag: 'v1', digest: undefined },
    author: { name: 'Ada', email: 'ada@example.com' },
    acceptedAt: at,
    ...more,
  }
}

function verdict(id: RequestId): Verdict {
  const releases = [{ release: 'app/shop', verdict: 'failed', revision: 3, reason: 'never in the trail' }] as const
  return { id, cluster: 'prod' as Cluster, verdict: 'failed', releases, timing: { acceptedMs: 0 } }
}

async function entriesOf(file: string): Promise<readonly AuditEntry[]> {
  const trail = openTrail(file)
  const all = (await trail.page(0)).map(({ entry }) => JSON.parse(entry) as AuditEntry)
  trail.close()
  return all
}

async function checked(file: string): Promise<Verified> {
  const trail = openTrail(file)
  const found = verifier()(await trail.page(0))
  trail.close()
  return found
}

/** A journal with three requests, two of them ended, and a denial in between. */
async function written(name: string): Promise<string> {
  const file = join(folder, name)
  const journal = openJournal(file)
  for (const at of [1_000, 2_000, 3_000]) await journal.accept(ask(at))
  await journal.trail.add({ kind: 'denied', principal: 'token ci', verb: 'deploy', cluster: 'prod' })
  for (const at of [1_000, 2_000]) await journal.finish(verdict(ask(at).id))
  journal.close()
  return file
}

test('a request adds itself, and so does its end: who, verified how, by which rule, what came of it', async () => {
  const file = join(folder, 'entries.sqlite')
  const journal = openJournal(file)
  const asked = ask(1_000, {
    principal: 'oidc https://ci repo:acme/shop',
    verifiedBy: 'oidc https://ci repo:acme/shop',
    rule: 'ci-shop',
    claimedAuthor: 'Mallory <m@example.com>',
  })
  await journal.accept(asked)
  await journal.finish(verdict(asked.id))
  await journal.finish({ ...verdict(asked.id), verdict: 'healthy' })
  journal.close()
  const common = { id: asked.id, cluster: 'prod' }
  assert.deepEqual(await entriesOf(file), [
    {
      kind: 'asked',
      ...common,
      source: 'github.com/acme/shop',
      image: 'acme/shop:v1',
      author: 'Ada <ada@example.com>',
      principal: 'oidc https://ci repo:acme/shop',
      verifiedBy: 'oidc https://ci repo:acme/shop',
      rule: 'ci-shop',
      claimedAuthor: 'Mallory <m@example.com>',
    },
    {
      kind: 'ended',
      ...common,
      verdict: 'failed',
      releases: [{ release: 'app/shop', verdict: 'failed', revision: 3 }],
    },
  ])
})

test('the chain goes on over restarts, and a write that fails leaves no entry', async () => {
  const file = await written('whole.sqlite')
  const journal = openJournal(file)
  await assert.rejects(journal.accept(ask(1_000)))
  await journal.accept(ask(4_000))
  const head = await journal.trail.head()
  journal.close()
  assert.deepEqual(await checked(file), { kind: 'whole', entries: 7, head: head?.hash })
})

const tampers: [sql: string, n: number, why: string][] = [
  [`UPDATE audit SET entry = replace(entry, 'prod', 'test') WHERE n = 2`, 2, 'an entry is changed'],
  [`UPDATE audit SET at = at + 1 WHERE n = 3`, 3, 'its time is changed'],
  [`DELETE FROM audit WHERE n = 4`, 4, 'one is taken out'],
  [`DELETE FROM audit WHERE n = 1`, 1, 'the first one is taken out'],
  [
    `DELETE FROM audit WHERE n = 4; UPDATE audit SET n = n - 1 WHERE n > 4`,
    4,
    'one is taken out and the others move up',
  ],
  [
    `INSERT INTO audit SELECT 99, at, entry, hash FROM audit WHERE n = 2; DELETE FROM audit WHERE n = 2; UPDATE audit SET n = 2 WHERE n = 3; UPDATE audit SET n = 3 WHERE n = 99`,
    2,
    'two change places',
  ],
  [`UPDATE audit SET hash = upper(hash) WHERE n = 5`, 5, 'a hash is changed'],
]
for (const [sql, n, why] of tampers)
  test(`tampering shows: ${why}`, async () => {
    const file = await written(`tampered-${n}-${sql.length}.sqlite`)
    const database = new DatabaseSync(file)
    database.exec(sql)
    database.close()
    const found = await checked(file)
    assert.equal(found.kind, 'broken')
    assert.equal(found.kind === 'broken' ? found.n : 0, n)
  })

test('the end of the trail is cut off: its requests are known to the journal, and not to the trail', async () => {
  const file = await written('cut.sqlite')
  const database = new DatabaseSync(file)
  database.exec('DELETE FROM audit WHERE n >= 3')
  database.close()
  assert.equal((await checked(file)).kind, 'whole')
  const trail = openTrail(file)
  assert.deepEqual(
    (await trail.unwritten()).toSorted(),
    [1_000, 2_000, 3_000].map((at) => ask(at).id),
  )
  trail.close()
})

test('the very last entry is cut off: its request has an end, and the trail has none', async () => {
  const file = await written('cut-short.sqlite')
  const database = new DatabaseSync(file)
  database.exec('DELETE FROM audit WHERE n = (SELECT max(n) FROM audit)')
  database.close()
  assert.equal((await checked(file)).kind, 'whole')
  const trail = openTrail(file)
  assert.deepEqual(await trail.unwritten(), [ask(2_000).id])
  trail.close()
})

test('while a server has the journal open, the hint is to ask it; a copy can be read', async () => {
  const file = await written('served.sqlite')
  copyFileSync(file, `${file}.copy`)
  const journal = openJournal(file)
  assert.throws(() => openTrail(file), { code: 'JOURNAL_FAILED', hint: /--server/ })
  assert.equal((await checked(`${file}.copy`)).kind, 'whole')
  journal.close()
  assert.throws(() => openTrail(join(folder, 'nowhere')), { code: 'JOURNAL_FAILED', message: /no such file/ })
  assert.throws(() => openTrail(folder), { code: 'JOURNAL_FAILED', message: /it is no file/ })
})

test('an mgo without a trail still writes the file, and what it wrote shows as unwritten', async () => {
  const file = await written('older.sqlite')
  const older = new DatabaseSync(file)
  const asked = ask(9_000)
  older
    .prepare('INSERT INTO requests (id, accepted_at, request) VALUES (?, ?, ?)')
    .run(asked.id, 9_000, JSON.stringify(asked))
  older.close()
  const journal = openJournal(file)
  await journal.accept(ask(9_500))
  journal.close()
  assert.equal((await checked(file)).kind, 'whole')
  const trail = openTrail(file)
  assert.deepEqual(await trail.unwritten(), [asked.id])
  trail.close()
})

test('a push that became no deploy adds itself: whose it was, and its end, without the words of others', async () => {
  const file = join(folder, 'pushes.sqlite')
  const journal = openJournal(file)
  const { held } = journal
  const push = (at: number, tag: string): HeldPush => ({
    id: requestId(at, new Uint8Array(16)),
    hook: 'hub',
    how: 'hmac-sha256',
    delivery: tag,
    repository: 'acme/shop',
    tag,
    source: 'github.com/acme/shop',
    cluster: 'prod' as Cluster,
    at,
    until: at + 60_000,
  })
  const [given, old, odd, taken] = [push(1_000, 'v1'), push(2_000, 'v2'), push(3_000, 'v3'), push(4_000, 'v4')]
  for (const one of [given, old, odd, taken]) await held.hold(one)
  await held.end(given.id, { kind: 'failed', code: 'REGISTRY_DENIED', why: 'never in the trail', hint: 'nor this' })
  await held.end(given.id, { kind: 'ignored', why: 'the first outcome counts' })
  await held.end(old.id, { kind: 'superseded', by: ask(9_000).id })
  await held.end(odd.id, { kind: 'ignored', why: 'never in the trail' })
  await held.end(taken.id, { kind: 'accepted', request: ask(9_000).id, image: 'acme/shop:v4' })
  journal.close()
  const common = {
    kind: 'push',
    cluster: 'prod',
    source: 'github.com/acme/shop',
    principal: 'hook hub',
    verifiedBy: 'hmac-sha256',
  }
  assert.deepEqual(await entriesOf(file), [
    { ...common, id: given.id, image: 'acme/shop:v1', outcome: 'failed', code: 'REGISTRY_DENIED' },
    { ...common, id: old.id, image: 'acme/shop:v2', outcome: 'superseded', by: ask(9_000).id },
    { ...common, id: odd.id, image: 'acme/shop:v3', outcome: 'ignored' },
  ])
  assert.equal((await checked(file)).kind, 'whole')
})
