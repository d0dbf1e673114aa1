/**
 * Attacks on the address of a hook (security.md: S15, S16, S28): sent to the real server over a socket, and then looked at
 * what it did.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import { connect, type AddressInfo } from 'node:net'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { hookOf, id, openDoor, secret } from '../webhooks/door.ts'

const [told, warned]: [unknown[], string[]] = [[], []]
const app = openDoor({
  hooks: ['github', 'gitlab', 'generic', 'dockerhub', 'gar', 'acr'].map((vendor) => hookOf(vendor)),
  accept: async (asking) => {
    told.push(asking)
    throw new Error('nothing here is to be accepted')
  },
  warn: (text) => warned.push(text),
})
await app.listen({ host: '127.0.0.1', port: 0 })
const { port } = app.server.address() as AddressInfo

type Sent = { readonly path?: string; readonly headers?: Record<string, string>; readonly body: string | Buffer }

/** Sends what GitHub would sign, with changes. */
async function send({ path = `/webhooks/github/${id}`, headers = {}, body }: Sent): Promise<Response> {
  const signed = { 'content-type': 'application/json', 'x-github-event': 'package', 'x-hub-signature-256': sign(body) }
  const before = told.length
  const got = await fetch(`http://127.0.0.1:${port}${path}`, {
    method: 'POST',
    headers: { ...signed, ...headers },
    body: new Uint8Array(Buffer.from(body)),
  })
  if (got.status >= 300) assert.equal(told.length, before, 'nothing was delivered')
  return got
}

function sign(body: string | Buffer): string {
  return `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`
}

const good = '{"action":"published","package":{"package_type":"CONTAINER","name":"a","owner":{"login":"b"}}}'
const attacks: [why: string, want: number, sent: Sent][] = [
  ['the good one', 200, { body: good }],
  ['an id that is none', 404, { path: '/webhooks/github/another-id-nobody-guesses', body: good }],
  ['a good id with another vendor', 404, { path: `/webhooks/quay/${id}`, body: good }],
  ['a vendor that is none', 404, { path: `/webhooks/__proto__/${id}`, body: good }],
  ['the hash of an id is no id', 404, { path: `/webhooks/github/${sha(id)}`.slice(0, 90), body: good }],
  ['no signature', 401, { body: good, headers: { 'x-hub-signature-256': '' } }],
  ['SHA-1 alone', 401, { body: good, headers: { 'x-hub-signature-256': '', 'x-hub-signature': sha1(good) } }],
  ['SHA-1 where SHA-256 belongs', 401, { body: good, headers: { 'x-hub-signature-256': sha1(good) } }],
  ['a signature of another body', 401, { body: `${good} `, headers: { 'x-hub-signature-256': sign(good) } }],
  ['two signatures in one', 401, { body: good, headers: { 'x-hub-signature-256': `${sign(good)}, ${sign(good)}` } }],
  ['the secret instead of a signature', 401, { body: good, headers: { 'x-hub-signature-256': secret } }],
  ['a form', 415, { body: `payload=${good}`, headers: { 'content-type': 'application/x-www-form-urlencoded' } }],
  ['plain text', 415, { body: good, headers: { 'content-type': 'text/plain' } }],
  ['a packed body', 415, { body: gzipSync(good), headers: { 'content-encoding': 'gzip' } }],
  ['a packed bomb', 415, { body: gzipSync(Buffer.alloc(50_000_000)), headers: { 'content-encoding': 'gzip' } }],
  ['no JSON', 400, { body: '{"action":' }],
  ['no UTF-8', 400, { body: Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]) }],
  ['an empty body', 400, { body: '' }],
  ['null', 200, { body: 'null' }],
  ['a list', 200, { body: '[]' }],
  ['100,000 brackets', 200, { body: `${'['.repeat(100_000)}${']'.repeat(100_000)}` }],
  ['keys of the prototype', 200, { body: '{"__proto__":{"action":"published"},"constructor":{"prototype":{"x":1}}}' }],
  ['a million commits', 413, { body: `{"ref":"refs/heads/main","commits":[${'{},'.repeat(1_000_000)}{}]}` }],
  ['300,000 commits', 202, { body: pushOf(300_000), headers: { 'x-github-event': 'push' } }],
  ['no token', 401, { path: `/webhooks/gar/${id}`, body: '{}' }],
  [
    'a token in a strange form',
    401,
    { path: `/webhooks/gar/${id}`, body: '{}', headers: { authorization: 'Bearer a b' } },
  ],
  [
    'a huge token',
    401,
    { path: `/webhooks/gar/${id}`, body: '{}', headers: { authorization: `Bearer ${'a'.repeat(15_000)}` } },
  ],
  [
    'the secret of a header, cut off',
    401,
    { path: `/webhooks/acr/${id}`, body: '{}', headers: { authorization: secret.slice(1) } },
  ],
  ['a secret in the query', 401, { path: `/webhooks/acr/${id}?secret=${encodeURIComponent(secret)}`, body: '{}' }],
]
for (const [why, want, sent] of attacks) {
  test(`S15: ${why}: ${want}`, async () => {
    const got = await send(sent)
    assert.equal(got.status, want, await got.clone().text())
    assert.equal(Object.hasOwn(Object.prototype, 'x'), false)
    if (want >= 400) assert.equal(got.headers.get('content-type'), 'application/problem+json; charset=utf-8')
  })
}

function sha(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function sha1(body: string): string {
  return `sha1=${createHmac('sha1', secret).update(body).digest('hex')}`
}

function pushOf(commits: number): string {
  return `{"ref":"refs/heads/main","commits":[${'{},'.repeat(commits)}{}]}`
}

test('S15: an address that is no hook’s is answered before a body is received', async () => {
  const socket = connect(port, '127.0.0.1')
  const head = `POST /webhooks/github/nobody-has-this-id-here HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`
  socket.write(`${head}Content-Length: 1000000000\r\n\r\n{`)
  const answer = await new Promise<string>((resolve) => socket.once('data', (chunk: Buffer) => resolve(String(chunk))))
  socket.destroy()
  assert.match(answer, /^HTTP\/1\.1 404 /)
})

test('S15: a standard signature: the time counts', async () => {
  const body = '{"ref":"refs/heads/main","after":"c"}'
  for (const [ageSeconds, want] of [
    [0, 202],
    [299, 202],
    [600, 401],
    [-600, 401],
  ] as const) {
    const time = String(Math.floor(Date.now() / 1000) - ageSeconds)
    const signature = createHmac('sha256', secret).update(`msg_1.${time}.${body}`).digest('base64')
    const headers = {
      'x-gitlab-event': 'Push Hook',
      'webhook-id': 'msg_1',
      'webhook-timestamp': time,
      'webhook-signature': `v1,AAAA v1,${signature}`,
    }
    const got = await send({ path: `/webhooks/gitlab/${id}`, headers, body })
    assert.equal(got.status, want, `${ageSeconds} s`)
  }
})

test('the server goes on, and its log has neither an id nor a secret', async () => {
  assert.equal((await send({ body: good })).status, 200)
  assert.deepEqual(warned, [])
})

test('other methods are no door without a token', async () => {
  for (const method of ['GET', 'PUT', 'DELETE'])
    assert.equal((await fetch(`http://127.0.0.1:${port}/webhooks/github/${id}`, { method })).status, 401)
})
