/**
 * What callers may see of each other on a server that listens: verdicts, lists, streams, keys. What somebody may not see
 * is as if it were not there.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asked, ci, hub, ops, post, scope, server, store, token, wish } from './door.ts'

const stranger = await token('stranger', 'deploy,read cluster=my-prod source=github.com/acme/other image=**')
const reader = await token('reader', 'read cluster=**')
const nowhere = '01JD3X8B7Q9K2M4N6P8R0S2T4V'

async function call(method: string, path: string, who: string) {
  const response = await fetch(`${server}${path}`, { method, headers: { authorization: `Bearer ${who}` } })
  return { status: response.status, text: await response.text() }
}

test('S18: a request of somebody else is as if there were none, whatever is asked of it', async () => {
  const mine = String((await post(ci)).body['id'])
  assert.equal((await call('GET', `/v1/deploys/${mine}`, ci)).status, 200)
  assert.equal((await call('GET', `/v1/deploys/${mine}`, reader)).status, 200)
  for (const [method, path] of [
    ['GET', ''],
    ['GET', '?wait=5s'],
    ['GET', '/events'],
    ['DELETE', ''],
  ] as const) {
    const hidden = await call(method, `/v1/deploys/${mine}${path}`, stranger)
    const none = await call(method, `/v1/deploys/${nowhere}${path}`, stranger)
    assert.equal(hidden.status, 404, `${method} ${path}`)
    assert.equal(hidden.text.replaceAll(mine, nowhere), none.text)
  }
})

test('who may read a request and not deploy it cannot cancel it', async () => {
  const mine = String((await post(ci)).body['id'])
  assert.equal((await call('DELETE', `/v1/deploys/${mine}`, reader)).status, 403)
  assert.equal((await call('DELETE', `/v1/deploys/${mine}`, ci)).status, 409, 'its own, which has ended')
  assert.equal((await call('DELETE', `/v1/deploys/${mine}`, ops)).status, 409)
})

test('a list holds what its reader may see, page by page', async () => {
  const other = await token('other', 'deploy cluster=my-prod source=github.com/acme/other image=**')
  const elsewhere = { ...wish, source: 'github.com/acme/other' }
  const ids: string[] = []
  for (let i = 0; i < 3; i++) {
    ids.unshift(String((await post(other, elsewhere)).body['id']))
    await post(ci)
    await post(ci)
  }
  type Page = { readonly deploys: readonly { readonly id: string; readonly source: string }[]; readonly next?: string }
  const list = async (who: string, query = '') =>
    JSON.parse((await call('GET', `/v1/deploys${query}`, who)).text) as Page
  assert.deepEqual(
    (await list(other)).deploys.map(({ id }) => id),
    ids,
  )
  const first = await list(other, '?limit=2')
  assert.deepEqual(
    first.deploys.map(({ id }) => id),
    ids.slice(0, 2),
  )
  assert.equal(first.next, ids[1])
  const second = await list(other, `?limit=2&cursor=${first.next ?? ''}`)
  assert.deepEqual(
    second.deploys.map(({ id }) => id),
    ids.slice(2),
  )
  assert.equal(second.next, undefined)
  assert.ok((await list(reader)).deploys.some(({ source }) => source === wish.source))
})

test('S30: an Idempotency-Key is its owner’s: another caller with the same key makes a request of their own', async () => {
  const other = await token('keyed', scope)
  const send = async (who: string) => {
    const headers = { authorization: `Bearer ${who}`, 'content-type': 'application/json', 'idempotency-key': 'job-17' }
    const response = await fetch(`${server}/v1/deploys`, { method: 'POST', headers, body: JSON.stringify(wish) })
    return ((await response.json()) as { readonly id: string }).id
  }
  const first = await send(ci)
  assert.equal(await send(ci), first)
  assert.notEqual(await send(other), first)
  assert.equal((await call('GET', `/v1/deploys/${first}`, stranger)).status, 404)
})

test('S19: a stream ends soon after the token that opened it is revoked', async () => {
  const text = await token('watcher', 'read cluster=**')
  const response = await fetch(`${server}/v1/events`, { headers: { authorization: `Bearer ${text}` } })
  assert.equal(response.status, 200)
  assert.ok(response.body !== null)
  let got = ''
  const ended = (async () => {
    for await (const part of response.body ?? []) got += Buffer.from(part).toString()
  })()
  const request = asked.at(-1)
  assert.ok(request !== undefined)
  hub.told({ kind: 'accepted', request, at: Date.now() })
  while (!got.includes('event: accepted')) await new Promise((resolve) => setTimeout(resolve, 20))
  await store.revoke('watcher', Date.now())
  const began = performance.now()
  await ended
  assert.ok(performance.now() - began < 8_000)
})
