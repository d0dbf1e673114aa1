import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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
