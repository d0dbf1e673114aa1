/**
 * The audit trail of a server with identities (S32): whatever a body says of its sender, the trail names who was verified;
 * and only those who may administer the server read it.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ci, ops, post, server, token, wish } from '../door.ts'

type Entry = Readonly<Record<string, string>>

async function trail(who: string | undefined, path = '/v1/audit'): Promise<Response> {
  return fetch(`${server}${path}`, who === undefined ? {} : { headers: { authorization: `Bearer ${who}` } })
}

async function entries(): Promise<readonly Entry[]> {
  const answer = await trail(ops)
  assert.equal(answer.status, 200)
  const { entries: all } = (await answer.json()) as { readonly entries: readonly { readonly entry: string }[] }
  return all.map(({ entry }) => JSON.parse(entry) as Entry)
}

test('S32: the token wins over the body; what the body claims is kept as a claim', async () => {
  assert.ok((await post(ci, { ...wish, author: 'Eve <eve@example.com>' })).status < 300)
  const asked = (await entries()).findLast(({ kind }) => kind === 'asked')
  assert.equal(asked?.['principal'], 'token ci')
  assert.equal(asked['verifiedBy'], 'token ci')
  assert.equal(asked['author'], 'ci')
  assert.equal(asked['claimedAuthor'], 'Eve <eve@example.com>')
  assert.ok((asked['rule'] ?? '').length > 0)
})

test('S32: who was denied what stands there, too', async () => {
  assert.equal((await post(ci, { ...wish, cluster: 'other-prod' })).status, 403)
  const denied = (await entries()).findLast(({ kind }) => kind === 'denied')
  assert.deepEqual(
    [denied?.['principal'], denied?.['verb'], denied?.['cluster'], denied?.['source']],
    ['token ci', 'deploy', 'other-prod', wish.source],
  )
})

test('S32: who may read it: those who may administer; the metrics: those who may read all', async () => {
  const reader = await token('reader', 'read cluster=**')
  const rows: [who: string | undefined, audit: number, metrics: number][] = [
    [undefined, 401, 401],
    [ci, 403, 403],
    [reader, 403, 200],
    [ops, 200, 200],
  ]
  for (const [who, audit, metrics] of rows) {
    assert.equal((await trail(who)).status, audit, String(who))
    assert.equal((await trail(who, '/metrics')).status, metrics, String(who))
  }
})

test('an entry that is no number is refused', async () => {
  assert.equal((await trail(ops, '/v1/audit?after=x')).status, 400)
  assert.equal((await trail(ops, '/v1/audit?after=1&after=2')).status, 400)
})
