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
const basic = (password: string, user = 'ci') => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
const bare = (header: unknown, signature: string) => `${encode(header)}.${encode(usual())}.${signature}`
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
  [() => bare({ alg: 'RS256', kid: kid() }, ''), 'no signature'],
  [() => bare({ alg: 'RS256', kid: kid() }, 'A'.repeat(342)), 'a signature of zeros'],
  [() => bare({ alg: 'ES256', kid: kid() }, 'A'.repeat(86)), 'a signature of zeros on a curve'],
  [() => bare({ alg: ['RS256'], kid: kid() }, 'AAAA'), 'alg in a list'],
  [() => bare({ alg: 'rs256', kid: kid() }, 'AAAA'), 'alg in small letters'],
  [() => bare({ alg: 'RS256', kid: kid(), b64: false, crit: ['b64'] }, 'AAAA'), 'a payload that is not encoded'],
  [() => bare({ alg: 'dir', enc: 'A128GCM' }, 'AAAA.AAAA.AAAA'), 'an encrypted token'],
  [async () => `${await issuer.sign(good)}.AAAA`, 'a fourth part'],
  [
    async () => `${encode({ alg: 'RS256', kid: kid() })}.${encode(JSON.stringify(await issuer.sign(good)))}.AA`,
    'nested',
  ],
  [
    () => `${encode(`\ufeff${JSON.stringify({ alg: 'RS256', kid: kid() })}`)}.${encode(usual())}.AAAA`,
    'a mark of order',
  ],
  [
    () => bare({ alg: 'HS256', kid: kid(), jwk: { kty: 'oct', k: 'AAAA' } }, 'AAAA'),
    'a shared key that it brings along',
  ],
  [() => issuer.sign({ ...good, iss: [issuer.url] as never }), 'iss in a list'],
  [() => issuer.sign({ ...good, iss: `${issuer.url} ` }), 'iss with a space'],
  [() => issuer.sign({ ...good, aud: { 0: audience } as never }), 'aud as a map'],
  [() => issuer.sign({ ...good, aud: [[audience]] as never }), 'aud in a list of lists'],
  [() => issuer.sign({ ...good, aud: `${audience}/` }), 'aud with one letter more'],
  [() => issuer.sign({ ...good, exp: String(seconds() + 300) as never }), 'an expiry that is a text'],
  [() => issuer.sign({ ...good, nbf: 'now' as never }), 'a beginning that is a text'],
  [() => issuer.sign({ ...good, iat: -1 }), 'issued before all time'],
]
for (const [make, why] of forged)
  test(`S13: 401 for ${why}, as a bearer and as a password`, () =>
    harmless(target, async () => {
      const [token, before] = [await make(), issuer.asked.length]
      // Packed as a password, a huge one is more than all headers may have.
      const ways = token.length > 9_000 ? [`Bearer ${token}`] : [`Bearer ${token}`, basic(token)]
      const send = (authorization: string) => ask(target, '/v1/deploys', { headers: { authorization }, body: wish })
      for (const { status, text } of await Promise.all(ways.map(send))) assert.equal(status, 401, text)
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
  [{ repository_id: ' 4711' }, 'an id with a space'],
  [{ repository_id: '\uff14\uff17\uff11\uff11' }, 'an id in wide digits'],
  [{ ref: 'refs/heads/main\n' }, 'a branch with a line break'],
  [{ ref: 'refs/heads/main\u0000' }, 'a branch with a NUL'],
  [{ ref: 'refs/heads/Main' }, 'a branch in other letters'],
  [{ ref: 'refs/heads/m\u0430in' }, 'a branch in letters that look alike'],
  [{ event_name: ['push', 'pull_request'] }, 'a pull request in a list'],
  [{ pipeline_source: ['merge_request_event'] }, 'a merge request in a list'],
  [{ ref: ['refs/heads/main', 'refs/pull/7/merge'] }, 'a pull request beside main'],
  [JSON.parse('{"ref":"x","__proto__":{"ref":"refs/heads/main"}}') as object as Record<string, unknown>, 'a prototype'],
]
for (const [claims, why] of strangers)
  test(`S14: 403 for ${why}`, () =>
    harmless(target, async () => {
      const said = await post(await issuer.sign({ ...good, ...claims }))
      assert.deepEqual([said.status, (JSON.parse(said.text) as { code: string }).code], [403, 'FORBIDDEN'], said.text)
    }))

const odd: [authorization: string, why: string][] = [
  [basic('', target.tokens.web), 'the token as the user, and no password'],
  [basic('x', target.tokens.web), 'the token as the user'],
  [`Basic ${Buffer.from(target.tokens.web).toString('base64')}`, 'no colon'],
  [basic(`x:${target.tokens.web}`), 'a colon before it'],
  [basic(`${target.tokens.web}\u0000`), 'a NUL behind it'],
  [basic(` ${target.tokens.web}`), 'a space before it'],
  [`Basic ${target.tokens.web}`, 'not encoded'],
  [`Basic ${basic(target.tokens.web)}`, 'the scheme twice'],
  [`Digest ${target.tokens.web}`, 'another scheme'],
  [`Bearer ${target.tokens.web}, Bearer ${target.tokens.web}`, 'twice'],
  [`Bearer ${basic(target.tokens.web).slice(6)}`, 'a password as a bearer'],
]
for (const [authorization, why] of odd)
  test(`S13: 401 for a good token in a wrong place: ${why}`, () =>
    harmless(target, async () => {
      const said = await ask(target, '/v1/deploys', { headers: { authorization }, body: wish })
      assert.equal(said.status, 401, said.text)
    }))

test('S13: a token in an address, a cookie or a form is none; as a password it is one, whoever the user is', () =>
  harmless(target, async () => {
    const { web } = target.tokens
    for (const name of ['access_token', 'private_token', 'token', 'authorization'])
      assert.equal((await ask(target, `/v1/clusters?${name}=${web}`)).status, 401, name)
    for (const name of ['cookie', 'x-api-key', 'proxy-authorization', 'x-forwarded-user'])
      assert.equal((await ask(target, '/v1/clusters', { headers: { [name]: `Bearer ${web}` } })).status, 401, name)
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    assert.equal((await ask(target, '/deploy', { headers, body: `token=${web}&password=${web}` })).status, 401)
    for (const user of ['ci', '', 'x'.repeat(200)])
      for (const token of [web, await issuer.sign(good)])
        assert.equal((await ask(target, '/v1/deploys', { headers: { authorization: basic(token, user) } })).status, 200)
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
