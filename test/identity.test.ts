/**
 * Identity tokens of CI jobs, and all that can be wrong with them, sent to a server that listens.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { fetchJson } from '../src/config/fetch-json.ts'
import { tokenVerifier } from '../src/server/oidc.ts'
import { asked, audience, good, issuer, open, post, server, wish } from './door.ts'
import { encode, signedWith, startIssuer } from './issuer.ts'

const seconds = () => Math.floor(Date.now() / 1000)
const wrong: [claims: Readonly<Record<string, unknown>>, why: string][] = [
  [{ aud: 'https://else.example.com' }, 'another audience'],
  [{ aud: undefined }, 'no audience'],
  [{ iss: 'https://token.actions.githubusercontent.com' }, 'an issuer that is not in the settings'],
  [{ iss: undefined }, 'no issuer'],
  [{ exp: seconds() - 60 }, 'expired'],
  [{ exp: undefined }, 'no expiry'],
  [{ exp: 'never' }, 'an expiry that is no number'],
  [{ nbf: seconds() + 120 }, 'not yet valid'],
  [{ iat: undefined }, 'no time of issue'],
  [{ iat: seconds() + 600, exp: seconds() + 900 }, 'issued in the future'],
  [{ iat: seconds() - 7_200, exp: seconds() + 900 }, 'issued too long ago, whatever its expiry'],
  [{ sub: undefined }, 'no subject'],
]
for (const [claims, why] of wrong) {
  test(`S13: an identity token is refused: ${why}`, async () => {
    const before = asked.length
    const said = await post(await issuer.sign({ ...good, ...claims }))
    assert.equal(said.status, 401, JSON.stringify(said.body))
    assert.equal(asked.length, before)
  })
}

test('a clock that is a little off is forgiven', async () => {
  assert.equal((await post(await issuer.sign({ ...good, exp: seconds() - 10 }))).status, 200)
  assert.equal((await post(await issuer.sign({ ...good, nbf: seconds() + 10 }))).status, 200)
})

const usual = () => ({ ...good, ...issuer.usual() })

test('S13: forged signatures: none, a shared key made of the public one, another key, a changed claim', async () => {
  const hmac = (header: unknown, key: string) => signedWith(key, header, usual())
  const jwk = issuer.publicJwk()
  const other = await startIssuer(audience)
  const [header = '', , signature = ''] = (await issuer.sign(good)).split('.')
  const forged = [
    `${encode({ alg: 'none' })}.${encode(usual())}.`,
    `${encode({ alg: 'None', kid: jwk.kid })}.${encode(usual())}.AA`,
    hmac({ alg: 'HS256', kid: jwk.kid }, JSON.stringify(jwk)),
    hmac({ alg: 'HS256', kid: jwk.kid }, jwk.n ?? ''),
    await other.sign({ ...usual() }),
    await other.sign({ ...usual() }, { jwk: other.publicJwk() }),
    `${header}.${encode({ ...usual(), repository_id: '1' })}.${signature}`,
    `${header}.${encode(usual())}`,
    `${header}.${encode([])}.${signature}`,
    `${header}.%%%.${signature}`,
    `${header}.${encode('x'.repeat(11_000))}.${signature}`,
  ]
  await other.close()
  for (const one of forged) assert.equal((await post(one)).status, 401, one.slice(0, 80))
})

test('S13: a key id that is a path, a query or an address finds no key, and no address of a token is asked', async () => {
  const hits: string[] = []
  const trap = createServer((request, response) => {
    hits.push(request.url ?? '')
    response.end('{}')
  })
  await new Promise<void>((resolve) => trap.listen(0, '127.0.0.1', resolve))
  const evil = `http://127.0.0.1:${(trap.address() as AddressInfo).port}`
  for (const kid of ['../../etc/passwd', "' OR 1=1 --", `${evil}/keys`, ''])
    assert.equal((await post(await issuer.sign(good, { kid }))).status, 401, kid)
  const named = await issuer.sign(good, { jku: `${evil}/keys`, x5u: `${evil}/cert` })
  assert.equal((await post(named)).status, 200, 'the names are not looked at, and the signature is good')
  assert.equal((await post(await issuer.sign({ ...good, iss: evil }))).status, 401)
  assert.deepEqual(hits, [])
  trap.close()
})

test('S13: a claim that stands twice is refused, however it is written', async () => {
  const text = JSON.stringify(usual())
  for (const twice of [
    text.replace('{', '{"repository_id":"1",'),
    text.replace('{', '{"repository\\u005fid":"1",'),
    text.replace('{', '{"aud":"https://else.example.com",'),
  ]) {
    const said = await post(`${encode({ alg: 'RS256', kid: issuer.publicJwk().kid })}.${encode(twice)}.AAAA`)
    assert.equal(said.status, 401)
    assert.match(String(said.body['detail']), /cannot be read/)
  }
})

test('S13: a huge token is turned away', async () => {
  assert.equal((await post(await issuer.sign({ ...good, more: 'x'.repeat(11_000) }))).status, 401)
  const response = await fetch(server, { headers: { authorization: `Bearer ${'x'.repeat(20_000)}` } })
  assert.equal(response.status, 431)
})

test('S13: keys are read once, and again when the issuer has new ones', async () => {
  for (let i = 0; i < 20; i++) assert.equal((await post(await issuer.sign(good))).status, 200)
  const before = issuer.asked.length
  const old = await issuer.sign(good)
  await issuer.rotate()
  assert.equal((await post(await issuer.sign(good))).status, 200)
  assert.equal((await post(old)).status, 401, 'a key that was withdrawn')
  assert.ok(issuer.asked.length - before <= 4, issuer.asked.join(' '))
})

test('S13: unknown key ids ask the issuer a few times at most', async () => {
  const before = issuer.asked.length
  const tokens = await Promise.all(Array.from({ length: 50 }, (_, i) => issuer.sign(good, { kid: `made-up-${i}` })))
  for (const { status } of await Promise.all(tokens.map((token) => post(token)))) assert.equal(status, 401)
  assert.ok(issuer.asked.length - before <= 12, String(issuer.asked.length - before))
})

test('an outage of the issuer keeps the keys that were there; a server without any says 503', async () => {
  issuer.outage(true)
  assert.equal((await post(await issuer.sign(good))).status, 200)
  const fresh = await open()
  const said = await post(await issuer.sign(good), wish, fresh)
  assert.equal(said.status, 503)
  assert.equal(said.body['code'], 'ISSUER_UNREACHABLE')
  assert.ok(said.headers.get('retry-after'))
  issuer.outage(false)
  assert.equal((await post(await issuer.sign(good), wish, fresh)).status, 200)
})

test('S22: an issuer that sends its readers elsewhere is not followed', async () => {
  issuer.keysAt('http://169.254.169.254/keys')
  assert.equal((await post(await issuer.sign(good), wish, await open())).status, 503)
  issuer.keysAt(`${issuer.url}/keys`)
  assert.equal(
    (await post(await issuer.sign(good), wish, await open(undefined, 'http://169.254.169.254/k'))).status,
    503,
  )
})

const strange: [claims: Readonly<Record<string, unknown>>, why: string][] = [
  [{ repository_id: undefined, ref: undefined, job_workflow_ref: undefined }, 'right issuer and audience, and no more'],
  [{ repository_id: '1', repository: 'acme/web' }, 'a repository of the same name: a recycled one'],
  [{ repository_id: '4712', repository: 'acme/other', repository_owner: 'acme' }, 'another repository of the owner'],
  [{ ref: 'refs/heads/feature' }, 'another branch'],
  [{ event_name: 'pull_request', ref: 'refs/pull/1/merge' }, 'a pull request'],
  [{ event_name: 'pull_request' }, 'a pull request on main'],
  [{ event_name: 'pull_request_target' }, 'a pull request with the rights of its base'],
  [{ sub: 'repo:acme/web:pull_request' }, 'a pull request by its subject'],
  [{ job_workflow_ref: 'eve/ci/deploy.yml@refs/heads/main' }, 'another workflow'],
  [{ job_workflow_ref: undefined }, 'no workflow'],
]
for (const [claims, why] of strange) {
  test(`S14: 403 for a job that no rule names: ${why}`, async () => {
    const before = asked.length
    const said = await post(await issuer.sign({ ...good, ...claims }))
    assert.deepEqual([said.status, said.body['code']], [403, 'FORBIDDEN'])
    assert.equal(asked.length, before)
  })
}

test('the token of a webhook is checked against the hook’s own settings', async () => {
  const options = { fetchJson, clock: { now: Date.now, sleep: async () => undefined }, warn: () => undefined }
  const verify = tokenVerifier(options)
  const wanted = { issuer: issuer.url, audience, email: 'push@example.iam' }
  const token = (claims: Readonly<Record<string, unknown>>) => issuer.sign({ sub: '117', ...claims })
  const right = await token({ email: 'push@example.iam', email_verified: true })
  assert.deepEqual(await verify(right, wanted), { kind: 'ok', subject: '117' })
  for (const claims of [
    { email: 'eve@example.iam', email_verified: true },
    { email: 'push@example.iam', email_verified: false },
    { email: 'push@example.iam' },
    { email: 'push@example.iam', email_verified: true, aud: 'https://else.example.com' },
  ])
    assert.equal((await verify(await token(claims), wanted)).kind, 'refused', JSON.stringify(claims))
  assert.equal((await verify('no.jwt', wanted)).kind, 'refused')
  assert.equal((await verify(right, { ...wanted, issuer: 'https://else.example.com' })).kind, 'refused')
  issuer.outage(true)
  const cold = tokenVerifier(options)
  await assert.rejects(cold(right, wanted), { code: 'ISSUER_UNREACHABLE' })
  issuer.outage(false)
})
