import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, test } from 'node:test'
import { tokenTrouble } from '../access/token.ts'
import { openTokens } from './tokens.ts'

const folder = mkdtempSync(join(tmpdir(), 'mgo-tokens-'))
after(() => rmSync(folder, { recursive: true }))
const file = join(folder, 'deep', 'tokens.sqlite')
const store = openTokens(file)
const token = (name: string) => ({
  name,
  scopes: [{ may: ['read' as const], clusters: ['a'] }],
  author: undefined,
  createdAt: 1_000,
  expiresAt: 100_000,
})

test('a token is shown once, and only its hash is on disk', async () => {
  const text = await store.create(token('ci'))
  assert.match(text ?? '', /^mgo_[A-Za-z0-9_-]{43}$/)
  const found = await store.find(text ?? '', 2_000)
  assert.equal(found?.name, 'ci')
  assert.deepEqual(found?.scopes, [{ may: ['read'], clusters: ['a'] }])
  assert.equal(await store.find(`${text ?? ''}x`, 2_000), undefined)
  for (const one of readdirSync(join(folder, 'deep'))) {
    assert.ok(!readFileSync(join(folder, 'deep', one)).includes(text ?? ''), one)
    assert.equal(statSync(join(folder, 'deep', one)).mode & 0o077, 0, one)
  }
})

test('a name counts once, and is free again when its token is revoked or has run out', async () => {
  assert.ok(await store.create(token('once')))
  assert.equal(await store.create(token('once')), undefined)
  assert.equal(await store.revoke('once', 3_000), true)
  assert.equal(await store.revoke('once', 3_000), false)
  assert.ok(await store.create(token('once')))
  assert.ok(await store.create({ ...token('once'), createdAt: 200_000 }))
})

test('what another process does is seen at once', async () => {
  const text = (await store.create(token('other'))) ?? ''
  const other = openTokens(file)
  assert.equal((await other.find(text, 5_000))?.revokedAt, undefined)
  await other.revoke('other', 6_000)
  other.close()
  const found = await store.find(text, 7_000)
  assert.equal(found && tokenTrouble(found, 7_000), 'revoked')
})

test('the last use is known to the minute', async () => {
  const text = (await store.create(token('used'))) ?? ''
  const lastUse = async () => (await store.list()).find(({ name }) => name === 'used')?.lastUsedAt
  assert.equal(await lastUse(), undefined)
  await store.find(text, 61_000)
  await store.find(text, 62_000)
  assert.equal(await lastUse(), 61_000)
  await store.find(text, 121_000)
  assert.equal(await lastUse(), 121_000)
})

test('a token runs out', async () => {
  const text = (await store.create(token('short'))) ?? ''
  const found = await store.find(text, 1)
  assert.equal(found && tokenTrouble(found, 99_999), undefined)
  assert.equal(found && tokenTrouble(found, 100_000), 'expired')
})

test('what was done, by whom, is told until the audit trail has it, each thing once', async () => {
  const own = openTokens(join(folder, 'told.sqlite'))
  const seen = async () => (await own.untold()).map(({ name, what, by, at }) => `${name} ${what} ${by} ${at}`)
  assert.ok(await own.create(token('ci'), 'ada'))
  assert.deepEqual(await seen(), ['ci created ada 1000'])
  await own.told(await own.untold())
  assert.deepEqual(await seen(), [])
  await own.revoke('ci', 3_000, 'bob')
  assert.ok(await own.create({ ...token('ci'), createdAt: 4_000 }))
  assert.deepEqual(await seen(), ['ci revoked bob 3000', 'ci created undefined 4000'])
  const [first] = await own.untold()
  assert.ok(first !== undefined)
  await own.told([first])
  assert.deepEqual(await seen(), ['ci created undefined 4000'])
  assert.ok(await own.create({ ...token('ci'), createdAt: 200_000 }, 'eve'))
  assert.deepEqual(
    await seen(),
    ['ci created undefined 4000', 'ci revoked eve 200000', 'ci created eve 200000'],
    'whoever takes the name of one that ran out revokes it',
  )
  own.close()
})

test('a file of an older mgo is widened, and that mgo can go on using it', async () => {
  const old = join(folder, 'old.sqlite')
  const raw = new DatabaseSync(old)
  raw.exec(`CREATE TABLE tokens (hash BLOB PRIMARY KEY, name TEXT NOT NULL, scopes TEXT NOT NULL, author TEXT,
    created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, last_used_at INTEGER, revoked_at INTEGER) STRICT`)
  const insert = 'INSERT INTO tokens (hash, name, scopes, created_at, expires_at) VALUES (randomblob(32), ?, ?, 1, 2)'
  raw.prepare(insert).run('before', '[]')
  openTokens(old).close()
  raw.prepare(insert).run('after', '[]')
  raw.close()
  const own = openTokens(old)
  assert.deepEqual((await own.untold()).map(({ name, by }) => `${name} ${by}`).toSorted(), [
    'after undefined',
    'before undefined',
  ])
  own.close()
})

test('a file that is none of tokens is called so', () => {
  const none = join(folder, 'none.sqlite')
  writeFileSync(none, 'garbage, and more than a header of it'.repeat(20))
  assert.throws(() => openTokens(none), {
    code: 'JOURNAL_FAILED',
    message: /^the file of tokens .*none\.sqlite cannot be used/,
    hint: /identities\.tokens/,
  })
})
