/**
 * Callers who want what is somebody else's, and pages in a browser: sent to a running server.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { request } from 'node:http'
import { test } from 'node:test'
import { values } from '../mgo.ts'
import { ask, harmless, hooked, issuer, startTarget, wish } from './target.ts'

const target = await startTarget({ 'installations/my-prod/late-values.yaml': values('late') })
const { web, pay, admin } = target.tokens
const made = async (tag: string, token = web): Promise<string> => {
  const said = await ask(target, '/v1/deploys?wait=20s', { token, body: { ...wish, image: `${hooked}:${tag}` } })
  assert.equal(said.status, 200, said.text)
  return (JSON.parse(said.text) as { readonly id: string }).id
}

test('S18: what belongs to another team answers as if it were not there', async () => {
  const id = await made('v2')
  const none = id.replace(/.$/, (last) => (last === '0' ? '1' : '0'))
  const routes: [method: string, path: string][] = [
    ['GET', '/v1/deploys/ID'],
    ['GET', '/v1/deploys/ID?wait=1s'],
    ['GET', '/v1/deploys/ID/events'],
    ['DELETE', '/v1/deploys/ID'],
    ['GET', '/v1/deliveries/ID'],
  ]
  for (const [method, path] of routes) {
    const of = (which: string) => ask(target, path.replace('ID', which), { token: pay, method })
    const [theirs, nobodys] = [await of(id), await of(none)]
    assert.deepEqual([theirs.status, nobodys.status], [404, 404], path)
    assert.equal(theirs.text.replaceAll(id, none), nobodys.text, path)
  }
  assert.doesNotMatch((await ask(target, '/v1/deploys', { token: pay })).text, new RegExp(id))
  for (const path of ['/v1/deploys?cluster=my-prod', '/v1/deploys?release=shop/web'])
    assert.doesNotMatch((await ask(target, path, { token: pay })).text, new RegExp(id), path)
  const [there, nowhere] = await Promise.all(
    ['my-prod', 'no-such-place'].map((cluster) => ask(target, `/v1/clusters/${cluster}/releases`, { token: pay })),
  )
  assert.equal(there?.status, nowhere?.status)
  assert.equal(there?.text.replaceAll('my-prod', 'no-such-place'), nowhere?.text)
  for (const path of ['/metrics', '/v1/audit'])
    assert.equal((await ask(target, path, { token: pay })).status, 403, path)
})

test('S18: another team’s release is neither deployed nor rolled back, whichever way it is asked', () =>
  harmless(target, async () => {
    const form = new URLSearchParams({
      triggerRepo: wish.source,
      imageRepo: hooked,
      imageTag: 'v9',
      author: 'a',
      cluster: wish.cluster,
    })
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const said = [
      await ask(target, '/v1/deploys', { token: pay, body: wish }),
      await ask(target, '/deploy', { token: pay, headers, body: form.toString() }),
      await ask(target, `/deploy/dockerhub?triggerRepo=${wish.source}&cluster=my-prod`, {
        token: pay,
        body: { push_data: { tag: 'v9', pusher: 'a' }, repository: { repo_name: hooked } },
      }),
      await ask(target, '/v1/deploys', { token: web, body: { ...wish, source: 'github.com/acme/shop' } }),
    ]
    for (const { status, text } of said) assert.equal(status, 403, text)
    const back = await ask(target, '/v1/rollbacks', { token: pay, body: { cluster: 'my-prod', release: 'shop/web' } })
    assert.ok(back.status === 403 || back.status === 404, back.text)
  }))

test('S19: a stream ends soon after its token is revoked', async () => {
  const made = await target.run('token', 'create', '--name', 'brief', '--expires', '1h', '--scope', 'read cluster=**')
  const open = await fetch(`${target.url}/v1/events`, { headers: { authorization: `Bearer ${made.stdout.trim()}` } })
  assert.equal(open.status, 200)
  const ended = open.text()
  assert.equal((await target.run('token', 'revoke', 'brief')).code, 0)
  const begun = performance.now()
  await ended
  assert.ok(performance.now() - begun < 10_000)
})

test('S19: a stream ends soon after the identity token that opened it has run out', async () => {
  const now = Math.floor(Date.now() / 1000)
  // Clocks may be off by half a minute.
  const claims = {
    repository_id: '4711',
    ref: 'refs/heads/main',
    job_workflow_ref: 'acme/ci/deploy.yml@refs/heads/main',
  }
  const token = await issuer.sign({ ...claims, iat: now - 60, exp: now - 25 })
  const open = await fetch(`${target.url}/v1/events`, { headers: { authorization: `Bearer ${token}` } })
  assert.equal(open.status, 200)
  await open.text()
  assert.ok(Date.now() / 1000 - now < 20)
})

const markup = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  'javascript:alert(1)',
  'data:text/html,x',
  '\u001b[2J\u001b]0;x\u0007',
  '\u009b31m',
]
for (const text of markup)
  test(`S23: ${JSON.stringify(text)} is data in every answer, and no line of the log`, () =>
    harmless(target, async () => {
      const part = encodeURIComponent(text)
      const said = [
        await ask(target, '/v1/deploys', { token: admin, body: { ...wish, cluster: text } }),
        await ask(target, `/v1/deploys/${part}`, { token: admin }),
        await ask(target, `/${part}`, { token: admin }),
        await ask(target, `/?q=${part}`, { headers: { accept: 'text/html' } }),
        await ask(target, '/deploy', {
          token: admin,
          body: `author=${part}`,
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
        }),
      ]
      for (const { headers, text: answer } of said) {
        const isPage = headers.get('content-type')?.startsWith('text/html') === true
        if (isPage) assert.ok(!answer.includes(text))
        else assert.match(headers.get('content-type') ?? '', /^application\/(?:problem\+)?json/)
        assert.equal(headers.get('x-content-type-options'), 'nosniff')
        assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'.*frame-ancestors 'none'/)
        assert.doesNotMatch(answer, /[\u001b\u009b]/)
      }
    }))

/** Headers that `fetch` would not send. */
function raw(headers: Readonly<Record<string, string>>): Promise<number> {
  const body = JSON.stringify(wish)
  return new Promise((resolve, reject) => {
    const sent = request(`${target.url}/v1/deploys`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${web}`, ...headers },
    })
    sent.on('response', (answer) => resolve(answer.resume().statusCode ?? 0)).on('error', reject)
    sent.end(body)
  })
}

const pages: [headers: Readonly<Record<string, string>>, why: string][] = [
  [{ origin: 'https://evil.example.com' }, 'a page from elsewhere'],
  [{ origin: 'null' }, 'a page in a sandbox'],
  [{ 'sec-fetch-site': 'cross-site' }, 'a form of another site'],
  [{ 'sec-fetch-site': 'same-site' }, 'a neighbour'],
  [{ host: 'rebound.example.com' }, 'a name that was pointed at loopback'],
  [{ host: 'rebound.example.com', origin: 'http://rebound.example.com' }, 'that name, and its own origin'],
  [{ host: 'localhost.evil.example.com' }, 'a name that begins like loopback'],
  [{ host: '127.0.0.1.evil.example.com' }, 'an address that is none'],
]
for (const [headers, why] of pages)
  test(`S24: refused: ${why}`, () => harmless(target, async () => assert.equal(await raw(headers), 403)))

test('S24: no answer lets another origin read it or frame it', async () => {
  for (const method of ['GET', 'OPTIONS'])
    for (const path of ['/', '/v1/deploys', '/healthz']) {
      const headers = { 'access-control-request-method': 'POST' }
      const said = await ask(target, path, { method, headers })
      assert.equal(said.headers.get('access-control-allow-origin'), null)
      assert.equal(said.headers.get('x-frame-options'), 'DENY')
    }
})

test('S30: a key of another caller is another key', async () => {
  const of = (token: string, body: object) =>
    ask(target, '/v1/deploys?wait=20s', { token, body, headers: { 'idempotency-key': 'one' } })
  const [first, other] = [
    await of(web, { ...wish, image: `${hooked}:v5` }),
    await of(pay, {
      ...wish,
      cluster: 'other-prod',
      source: 'github.com/acme/pay',
      image: 'localhost:5000/acme/pay:v5',
    }),
  ]
  assert.deepEqual([first.status, other.status], [200, 200])
  const idOf = ({ text }: { readonly text: string }) => (JSON.parse(text) as { readonly id: string }).id
  assert.notEqual(idOf(first), idOf(other))
  assert.equal((await of(pay, { ...wish, image: `${hooked}:v5` })).status, 403, 'nor is it a way around the policy')
  assert.equal(idOf(await of(web, { ...wish, image: `${hooked}:v5` })), idOf(first))
  assert.equal((await of(web, { ...wish, image: `${hooked}:v6` })).status, 409)
})
