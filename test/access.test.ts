/**
 * Who is let in by a server that listens, and what they may do and see there.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asked, ci, good, issuer, open, ops, post, putForward, scope, server, store, token, wish } from './door.ts'

test('a job deploys what its rule names, and the claims say who asked', async () => {
  const before = asked.length
  const said = await post(await issuer.sign({ ...good, actor: 'ada', actor_id: '7' }), { ...wish, author: 'Eve <e@x>' })
  assert.equal(said.status, 200)
  const [request] = asked.slice(before)
  assert.deepEqual(request?.author, { name: 'ada', email: '7+ada@users.noreply.github.com' })
  assert.equal(request?.claimedAuthor, 'Eve <e@x>')
  assert.equal(request?.principal, `oidc ${issuer.url} repo:acme/web:ref:refs/heads/main`)
  assert.equal(request?.verifiedBy, request?.principal)
  assert.equal(request?.rule, 'web from main')
  assert.deepEqual(request?.releases, ['app/web'])
})

test('a token deploys as itself, whatever the body says', async () => {
  const before = asked.length
  assert.equal((await post(ci, { ...wish, author: 'Eve <e@x>' })).status, 200)
  assert.equal((await post(await token('ada', scope))).status, 200)
  const [first, second] = asked.slice(before)
  assert.deepEqual([first?.author.name, first?.claimedAuthor, first?.rule], ['ci', 'Eve <e@x>', 'scope 1 of token ci'])
  assert.deepEqual(second?.author, { name: 'Ada', email: 'ada@example.com' })
  assert.equal(second?.claimedAuthor, undefined)
})

test('a token comes as the password of HTTP Basic, too, and to the form routes', async () => {
  const basic = `Basic ${Buffer.from(`any:${ci}`).toString('base64')}`
  assert.equal((await post(basic)).status, 200)
  const fields = {
    triggerRepo: wish.source,
    imageRepo: 'ghcr.io/acme/web',
    imageTag: 'v2',
    author: 'a',
    cluster: 'my-prod',
  }
  const form = (authorization: string | undefined, more = {}) =>
    fetch(`${server}/deploy`, {
      method: 'POST',
      headers: authorization === undefined ? {} : { authorization },
      body: new URLSearchParams({ ...fields, ...more }),
    })
  const answer = await form(basic)
  assert.equal(answer.status, 200)
  assert.equal(((await answer.json()) as { deploy: { author: string } }).deploy.author, 'ci')
  assert.equal((await form(undefined)).status, 401)
  const denied = await form(basic, { cluster: 'other' })
  assert.equal(denied.status, 403)
  assert.equal(((await denied.json()) as { status: string }).status, 'error')
  const hub = await fetch(`${server}/deploy/dockerhub?triggerRepo=${wish.source}&cluster=my-prod`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  })
  assert.equal(hub.status, 401)
})

const nobody: [authorization: string | undefined, why: string][] = [
  [undefined, 'nothing'],
  ['Bearer mgo_wrong', 'a token that is none'],
  ['Bearer x', 'neither token nor JWT'],
  ['Bearer ', 'an empty token'],
  ['Digest a=b', 'a scheme that nobody speaks'],
  ['Basic !!!', 'Basic without a colon'],
  [`Basic ${Buffer.from('a:').toString('base64')}`, 'Basic without a password'],
]
for (const [authorization, why] of nobody) {
  test(`401 for ${why}, before the body is read`, async () => {
    const response = await fetch(`${server}/v1/deploys`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(authorization === undefined ? {} : { authorization }) },
      body: '{ this is no JSON',
    })
    assert.equal(response.status, 401)
    assert.match(response.headers.get('www-authenticate') ?? '', /Bearer/)
    assert.equal(((await response.json()) as { code: string }).code, 'UNAUTHORIZED')
  })
}

test('S18: what is denied says the same whether it exists or not', async () => {
  const answers = await Promise.all(['other-prod', 'no-such-place'].map((cluster) => post(ci, { ...wish, cluster })))
  const [first, second] = answers.map(
    ({ status, body }) => `${status} ${String(body['detail']).replace(/on \S+$/, '')}`,
  )
  assert.equal(first, second)
  assert.match(first ?? '', /^403/)
})

test('hints that list clusters and sources are for those who may read them', async () => {
  const job = await post(await issuer.sign(good), { ...wish, cluster: 'nowhere' })
  assert.equal(job.status, 404)
  assert.doesNotMatch(JSON.stringify(job.body), /other-prod/)
  assert.match(JSON.stringify((await post(ops, { ...wish, cluster: 'nowhere' })).body), /other-prod/)
})

test('a token that is revoked or has run out counts no more, at once', async () => {
  const text = await token('brief', scope)
  assert.equal((await post(text)).status, 200)
  await store.revoke('brief', Date.now())
  assert.equal((await post(text)).status, 401)
  putForward(2 * 3_600_000)
  assert.equal((await post(ci)).status, 401)
  putForward(0)
})

test('S17: wrong identities from one address run into 429; health and good tokens still get through', async () => {
  const url = await open({ requestsPerMinute: 1_000, failuresPerMinute: 5, deliveriesPerMinute: 1 })
  const statuses: number[] = []
  for (let i = 0; i < 8; i++) statuses.push((await post(`mgo_${i}`, wish, url)).status)
  assert.deepEqual(statuses, [401, 401, 401, 401, 401, 429, 429, 429])
  assert.equal((await post('x.y.z', wish, url)).status, 429)
  assert.equal((await fetch(`${url}/healthz`)).status, 200)
  assert.equal((await post(ci, wish, url)).status, 200)
})

test('S17: one identity has so many requests a minute', async () => {
  const url = await open({ requestsPerMinute: 3, failuresPerMinute: 10, deliveriesPerMinute: 1 })
  const statuses: number[] = []
  for (let i = 0; i < 5; i++) statuses.push((await post(ci, wish, url)).status)
  assert.deepEqual(statuses, [200, 200, 200, 429, 429])
  assert.equal((await post(ops, wish, url)).status, 200, 'another one has its own')
})

test('a route that does not exist is told to those only who are let in', async () => {
  assert.equal((await fetch(`${server}/v1/secrets`)).status, 401)
  assert.equal((await fetch(`${server}/v1/secrets`, { headers: { authorization: `Bearer ${ci}` } })).status, 404)
})
