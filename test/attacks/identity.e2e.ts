/**
 * Identity tokens that are not what they say, sent to a running server: no commit, and no address of a token is asked.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import { encode, signedWith, startIssuer } from '../issuer.ts'
import { ask, audience, harmless, hooked, issuer, startTarget, wish } from './target.ts'

const target = await startTarget()
const good = { repository_id: '4711', ref: 'refs/heads/main', job_workflow_ref: 'acme/ci/deploy.yml@refs/heads/main' }
const seconds = () => Math.floor(Date.now() / 1000)
const usual = () => ({ ...good, ...issuer.usual() })
const post = (token: string, image = `${hooked}:v2`) =>
  ask(target, '/v1/deploys?wait=20s', { token, body: { ...wish, image } })

/** Whoever asks here followed an address out of a token. */
const hits: string[] = []
const trap = createServer((request, response) => {
  hits.push(request.url ?? '')
  response.end(JSON.stringify({ issuer: evil, jwks_uri: `${evil}/keys`, keys: [] }))
})
await new Promise<void>((resolve) => trap.listen(0, '127.0.0.1', resolve))
const evil = `http://127.0.0.1:${(trap.address() as AddressInfo).port}`
const other = await startIssuer(audience)
after(async () => {
  trap.close()
  await other.close()
})

const hmac = (header: unknown, key: string): string => signedWith(key, header, usual())
const kid = () => issuer.publicJwk().kid
const pem = () =>
  generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ type: 'spki', format: 'pem' }).toString()

test('S13: keys are renewed, and one that was withdrawn counts no more', async () => {
  const old = await issuer.sign(good)
  assert.equal((await post(old, `${hooked}:v3`)).status, 200)
  await issuer.rotate()
  assert.equal((await post(await issuer.sign(good), `${hooked}:v4`)).status, 200)
  assert.equal((await post(old, `${hooked}:v5`)).status, 401)
})

// Before the forged ones: only so many unknown keys a minute are asked for.
test('S22: an issuer that names keys elsewhere is not followed there', () =>
  harmless(target, async () => {
    const before = issuer.asked.length
    for (const place of [`${evil}/keys`, 'http://2130706433/keys']) {
      issuer.keysAt(place)
      assert.equal((await post(await issuer.sign(good, { kid: 'unknown' }))).status, 503, place)
    }
    issuer.keysAt(`${issuer.url}/keys`)
    assert.equal(issuer.asked.length - before, 2, 'it was asked each time, and did not lead anywhere')
    assert.equal((await post(await issuer.sign(good, { kid: 'unknown' }))).status, 401)
    assert.deepEqual(hits, [])
  }))

const forged: [make: () => string | Promise<string>, why: string][] = [
  [() => `${encode({ alg: 'none' })}.${encode(usual())}.`, 'alg none'],
  [() => `${encode({ alg: 'NoNe', kid: kid() })}.${encode(usual())}.AA`, 'alg NoNe'],
  [() => hmac({ alg: 'HS256', kid: kid() }, JSON.stringify(issuer.publicJwk())), 'HS256 with the public key as JSON'],
  [() => hmac({ alg: 'HS256', kid: kid() }, issuer.publicJwk().n ?? ''), 'HS256 with the public key’s number'],
  [() => hmac({ alg: 'HS256', kid: kid() }, pem()), 'HS256 with a public key as PEM'],
  [() => other.sign(usual()), 'a key of another issuer'],
  [() => other.sign(usual(), { jwk: other.publicJwk() }), 'a key that the token brings along'],
  [
    async () => (await issuer.sign(good)).replace(/\.[^.]+\./, `.${encode({ ...usual(), repository_id: '1' })}.`),
    'a changed claim',
  ],
  [() => issuer.sign(good, { kid: '../../../../dev/null' }), 'kid: a path'],
  [() => issuer.sign(good, { kid: "' UNION SELECT 'x' --" }), 'kid: SQL'],
  [() => issuer.sign(good, { kid: `${evil}/keys` }), 'kid: an address'],
  [() => other.sign(usual(), { jku: `${evil}/keys`, kid: 'x' }), 'jku: an address'],
  [() => other.sign(usual(), { x5u: `${evil}/cert`, kid: 'x' }), 'x5u: an address'],
  [() => other.sign({ ...usual(), iss: evil }), 'iss: an address'],
  [() => issuer.sign({ ...good, iss: `${issuer.url}/` }), 'iss with one letter more'],
  [() => issuer.sign({ ...good, iss: 'http://169.254.169.254' }), 'iss: the address of the cloud'],
  [() => issuer.sign({ ...good, aud: 'https://else.example.com' }), 'another audience'],
  [() => issuer.sign({ ...good, aud: [] }), 'no audience'],
  [() => issuer.sign({ ...good, exp: seconds() - 60 }), 'expired'],
  [() => issuer.sign({ ...good, ...({ exp: undefined } as object) }), 'no expiry'],
  [() => issuer.sign({ ...good, nbf: seconds() + 120 }), 'not yet valid'],
  [() => issuer.sign({ ...good, iat: seconds() - 90_000, exp: seconds() + 300 }), 'a day old'],
  [() => issuer.sign({ ...good, more: 'x'.repeat(11_000) }), 'a huge token'],
  [
    () =>
      `${encode({ alg: 'RS256', kid: kid() })}.${encode(JSON.stringify(usual()).replace('{', '{"repository_id":"1",'))}.AAAA`,
    'a claim twice',
  ],
  [() => `${encode({ alg: 'RS256', kid: kid(), crit: ['exp'] })}.${encode(usual())}.AAAA`, 'crit'],
  [() => `${encode('x'.repeat(9_000))}.${encode('{}')}.AAAA`, 'a header that is no JSON'],
]
for (const [make, why] of forged)
  test(`S13: 401 for ${why}`, () =>
    harmless(target, async () => {
      const before = issuer.asked.length
      const said = await post(await make())
      assert.equal(said.status, 401, said.text)
      assert.ok(issuer.asked.length - before <= 4)
      assert.deepEqual([hits, other.asked], [[], []], 'no address of a token was asked')
    }))

const recycled = { repository: 'acme/web', repository_owner: 'acme' }
const strangers: [claims: Readonly<Record<string, unknown>>, why: string][] = [
  [{ repository_id: undefined, ref: undefined, job_workflow_ref: undefined }, 'right issuer and audience alone'],
  [{ ...recycled, repository_id: '99' }, 'a repository that took over the name'],
  [
    { repository_id: '4712', repository: 'acme/other', repository_owner: 'acme' },
    'another repository of the organisation',
  ],
  [{ event_name: 'pull_request', ref: 'refs/pull/7/merge', head_ref: 'main', base_ref: 'main' }, 'a pull request'],
  [{ event_name: 'pull_request', ref: 'refs/heads/main' }, 'a pull request that says main'],
  [{ event_name: 'pull_request_target' }, 'a pull request with the rights of its base'],
  [{ event_name: 'pull_request_review' }, 'a review of a pull request'],
  [{ sub: 'repo:acme@12/web@4711:pull_request' }, 'a pull request by its subject with ids'],
  [{ repository_id: '5000', repository: 'eve/web', event_name: 'push' }, 'a fork'],
  [{ job_workflow_ref: 'eve/ci/deploy.yml@refs/heads/main' }, 'another reusable workflow'],
  [{ job_workflow_ref: 'acme/ci/deploy.yml@refs/heads/mine' }, 'the workflow at another branch'],
  [{ job_workflow_ref: undefined }, 'no workflow'],
  [{ ref: 'refs/heads/main2' }, 'a branch that begins alike'],
  [{ ref: ['refs/heads/evil', 'refs/heads/x'] }, 'a list of branches'],
  [{ repository_id: { is: '4711' } }, 'an id that is a map'],
]
for (const [claims, why] of strangers)
  test(`S14: 403 for ${why}`, () =>
    harmless(target, async () => {
      const said = await post(await issuer.sign({ ...good, ...claims }))
      assert.deepEqual([said.status, (JSON.parse(said.text) as { code: string }).code], [403, 'FORBIDDEN'], said.text)
    }))

test('S17: a crowd of forged key ids is not held, and keeps out neither known keys nor new ones', () =>
  harmless(target, async () => {
    const known = await issuer.sign(good)
    const forged = await Promise.all(Array.from({ length: 300 }, (_, i) => issuer.sign(good, { kid: `made-up-${i}` })))
    const [first = '', ...crowd] = forged
    // Until the issuer has been read as often as it may be in a minute.
    for (let waited = 0; waited < 1_000; ) {
      const begun = performance.now()
      assert.equal((await post(first)).status, 401)
      waited = performance.now() - begun
    }
    await issuer.rotate()
    const fresh = await issuer.sign(good)
    const begun = performance.now()
    const all = crowd.map(async (token) => {
      const { status, headers } = await post(token)
      return { status, again: headers.get('retry-after'), ms: performance.now() - begun }
    })
    assert.equal((await ask(target, '/healthz')).status, 200)
    const { status } = await ask(target, '/v1/deploys?limit=1', { token: known })
    assert.equal(status, 200)
    assert.ok(performance.now() - begun < 4_000, 'whose key is known waits for nobody')
    const answers = await Promise.all(all)
    const sent = answers.filter((one) => one.status === 503)
    assert.equal(answers.filter((one) => one.status === 401).length, 50)
    assert.equal(sent.length, answers.length - 50)
    assert.ok(sent.every(({ again }) => again === '5'))
    assert.equal((await ask(target, '/v1/deploys?limit=1', { token: fresh })).status, 200, 'the crowd had its key read')
    assert.ok(Math.max(...sent.map(({ ms }) => ms)) < Math.min(4_000, Math.max(...answers.map(({ ms }) => ms))))
  }))
