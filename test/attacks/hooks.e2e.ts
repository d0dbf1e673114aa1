/**
 * Deliveries that nobody signed, that are no deliveries, or that lie, sent to the hooks of a running server.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { git } from '../git-server.ts'
import { harmless, hooked, registry, type Said, secrets, startTarget } from './target.ts'

const target = await startTarget()
const digest = registry.push('acme/web', 'v2')
for (const tag of ['v3', 'v4', 'v5']) registry.push('acme/web', tag)

const hits: string[] = []
const trap = createServer((request, response) => {
  hits.push(request.url ?? '')
  response.end('{}')
})
await new Promise<void>((resolve) => trap.listen(0, '127.0.0.1', resolve))
const evil = `127.0.0.1:${(trap.address() as AddressInfo).port}`
after(() => trap.close())

const path = (vendor: string) => `/webhooks/${vendor}/${secrets.id}-${vendor}`
const hmac = (body: string | Buffer, algorithm = 'sha256') =>
  `${algorithm}=${createHmac(algorithm, secrets.hook).update(body).digest('hex')}`

type Sent = { readonly vendor?: string; readonly at?: string; readonly headers?: Readonly<Record<string, string>> }

/** Sends a body as the generic hook wants it, with changes. */
async function send(
  body: string | Buffer,
  { vendor = 'generic', at = path(vendor), headers = {} }: Sent = {},
): Promise<Said> {
  const signed = { 'x-signature-256': hmac(body), 'x-hub-signature-256': hmac(body), 'x-github-event': 'push' }
  const answer = await fetch(`${target.url}${at}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...signed, ...headers },
    body: new Uint8Array(Buffer.from(body)),
  })
  return { status: answer.status, text: await answer.text(), headers: answer.headers }
}

const push = (tag: string, more: object = {}) =>
  JSON.stringify({ id: `build-${tag}`, image: `${hooked}:${tag}`, ...more })
const good = push('v3')
const basic = (password: string) => `Basic ${Buffer.from(`ci:${password}`).toString('base64')}`
const batch = { 'content-type': 'application/cloudevents-batch+json' }

const unproven: [sent: Sent, want: number, why: string, body?: string | Buffer][] = [
  [{ headers: { 'x-signature-256': '' } }, 401, 'no signature'],
  [{ headers: { 'x-signature-256': '', 'x-hub-signature': hmac(good, 'sha1') } }, 401, 'SHA-1 alone'],
  [{ headers: { 'x-signature-256': hmac(good, 'sha1') } }, 401, 'SHA-1 where SHA-256 belongs'],
  [{ headers: { 'x-signature-256': `sha256=${'0'.repeat(64)}` } }, 401, 'a wrong signature'],
  [{ headers: { 'x-signature-256': hmac(`${good} `) } }, 401, 'the signature of another body'],
  [{ headers: { 'x-signature-256': secrets.hook } }, 401, 'the secret itself'],
  [{ headers: { 'x-signature-256': hmac(good).toUpperCase() } }, 401, 'a prefix in capitals'],
  [{ headers: { 'x-signature-256': `sha256=${hmac(good)}` } }, 401, 'the prefix twice'],
  [{ headers: { 'x-signature-256': `${hmac(good)}, ${hmac(good)}` } }, 401, 'a signature twice'],
  [{ headers: { 'x-signature-256': hmac(good).slice(0, -2) } }, 401, 'a signature that is cut off'],
  [{ headers: { 'x-signature-256': hmac(good, 'sha512') } }, 401, 'another hash'],
  [{ headers: { 'x-signature-256': '', authorization: `Bearer ${secrets.hook}` } }, 401, 'the secret as a bearer'],
  [{ headers: { 'x-signature-256': '', authorization: basic(secrets.hook) } }, 401, 'the secret as a password'],
  [
    { headers: { 'x-signature-256': '', authorization: `Bearer ${target.tokens.admin}` } },
    401,
    'a token of the server',
  ],
  [{ at: `${path('generic')}?x-signature-256=${hmac(good)}`, headers: { 'x-signature-256': '' } }, 401, 'in the query'],
  [{ headers: { 'x-signature-256': '', 'aeg-event-type': 'SubscriptionValidation' } }, 401, 'a greeting elsewhere'],
  [{ headers: { 'x-signature-256': '', ...batch } }, 401, 'a batch without a signature'],
  [{}, 400, 'JSON in UTF-16, rightly signed', Buffer.from(good, 'utf16le')],
  [{}, 400, 'a mark of order and no more, rightly signed', Buffer.from([0xef, 0xbb, 0xbf])],
  [{}, 400, 'nothing, rightly signed', Buffer.alloc(0)],
  [{ at: path('generic').slice(0, -1) }, 404, 'an address that is one letter short'],
  [{ at: `${path('generic')}/../x` }, 404, 'an address with a way out'],
  [{ headers: { 'content-type': 'text/plain' } }, 415, 'a wrong content type'],
  [{ headers: { 'content-type': 'application/x-www-form-urlencoded' } }, 415, 'a form'],
  [{ headers: { 'content-encoding': 'gzip' } }, 415, 'a packed bomb', gzipSync(Buffer.alloc(50_000_000))],
  [{ headers: { 'content-encoding': 'br' } }, 415, 'another packing'],
  [{}, 413, '2 MB, rightly signed', Buffer.alloc(2_000_000, ' ')],
]
for (const [sent, want, why, body = good] of unproven)
  test(`S15: ${want} for ${why}`, () =>
    harmless(target, async () => assert.equal((await send(body, sent)).status, want)))

test('S15: a body of 1 GB is refused by its length, and one that trickles holds nobody up', () =>
  harmless(target, async () => {
    const { port } = new URL(target.url)
    const head = `POST ${path('generic')} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\n`
    const big = connect(Number(port), '127.0.0.1')
    big.on('error', () => undefined).write(`${head}Content-Length: 1000000000\r\n\r\n{`)
    const said = await new Promise<string>((resolve) => big.once('data', (chunk: Buffer) => resolve(String(chunk))))
    assert.match(said, /^HTTP\/1\.1 413 /)
    big.destroy()
    const slow = Array.from({ length: 50 }, () => {
      const socket = connect(Number(port), '127.0.0.1')
      socket.on('error', () => undefined).write(`${head}Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n`)
      return socket
    })
    assert.equal((await send(push('v9'))).status, 200, 'the registry has no such tag')
    for (const socket of slow) socket.destroy()
  }))

const committed = async (image: string): Promise<string> => {
  for (const end = performance.now() + 20_000; performance.now() < end; ) {
    const found = git(target.bare, 'log', '-1', '--format=%B', `--grep=${image}`, '--fixed-strings', 'main')
    if (found !== '') return found
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`no commit of ${image}\n${target.log().slice(-2_000)}`)
}

test('S15: a delivery that is played again is the same deploy, whatever its headers say', async () => {
  const first = await send(good)
  assert.equal(first.status, 202, first.text)
  const again = await send(good, {
    headers: { 'x-github-delivery': 'another', 'webhook-id': 'another', 'x-request-id': '2' },
  })
  const idOf = ({ text }: Said) => (JSON.parse(text) as { deploys: { id: string; again: boolean }[] }).deploys[0]
  assert.deepEqual([idOf(again)?.id, idOf(again)?.again], [idOf(first)?.id, true])
  await committed(`${hooked}:v3@`)
})

const leaves = [null, [], {}, '', 0, true, [null], { a: null }, 'x'.repeat(5_000)]
const shapes = leaves.flatMap((leaf) => [
  leaf,
  { image: leaf },
  { images: leaf },
  { images: [leaf, leaf] },
  { name: leaf, tag: leaf, host: leaf, digest: leaf },
  { push_data: leaf, repository: leaf },
  { repository: leaf, updated_tags: leaf },
  { ref: leaf, after: leaf, commits: leaf, repository: leaf },
])
test('S16: whatever the shape of a body is, the answer is a 2xx or a 4xx, and the process lives', () =>
  harmless(target, async () => {
    for (const vendor of ['generic', 'github', 'dockerhub', 'quay'])
      for (const shape of shapes) {
        const { status } = await send(JSON.stringify(shape), { vendor })
        assert.ok((status >= 200 && status < 300) || status === 400, `${vendor} ${JSON.stringify(shape)}: ${status}`)
      }
    const commits = `{"ref":"refs/heads/x","after":"c","commits":[${'{},'.repeat(1_000_000)}{}]}`
    assert.equal((await send(commits, { vendor: 'github' })).status, 413)
    assert.equal((await send(`${'['.repeat(100_000)}${']'.repeat(100_000)}`)).status, 400)
  }))

const inner = [
  'http://169.254.169.254/latest/meta-data/',
  `http://${evil}/x`,
  'http://[::ffff:127.0.0.1]/',
  'http://2130706433/',
  'file:///etc/passwd',
]
for (const address of inner)
  test(`S22: an address in a payload is never called (${address.slice(0, 30)})`, () =>
    harmless(target, async () => {
      const hub = {
        callback_url: address,
        push_data: { tag: 'v9', pusher: 'a' },
        repository: { repo_name: `${evil}/acme/web`, repo_url: address },
      }
      assert.equal((await send(JSON.stringify(hub), { vendor: 'dockerhub' })).status, 200)
      const quay = { repository: 'acme/web', docker_url: `${evil}/acme/web`, homepage: address, updated_tags: ['v9'] }
      assert.equal((await send(JSON.stringify(quay), { vendor: 'quay' })).status, 200)
      assert.equal((await send(JSON.stringify({ id: address, image: `${evil}/acme/web:v9` }))).status, 200)
      assert.deepEqual(hits, [])
    }))

test('S22: a registry that sends its readers elsewhere is not followed', async () => {
  registry.fault('redirect', 3)
  const said = await send(push('v4'))
  assert.match(said.text, /"waiting":\[/)
  assert.deepEqual(hits, [])
})

test('S31: the digest is that of the registry, not of the payload, and a tag that moves later moves nothing', async () => {
  const said = await send(push('v2', { digest: `sha256:${'0'.repeat(64)}` }))
  assert.equal(said.status, 202, said.text)
  await committed(`${hooked}:v2@${digest}`)
  const file = () => git(target.bare, 'show', 'main:installations/my-prod/web-values.yaml')
  assert.match(file(), new RegExp(`v2@${digest}`))
  const moved = registry.push('acme/web', 'v2', '{"of":"somebody else"}')
  await send(push('v2', { digest: `sha256:${'0'.repeat(64)}` }))
  assert.ok(!file().includes(moved))
})

test('S31: a file that somebody else changes between look and push is edited as it is then', async () => {
  const [work, path] = [`${target.state}/foreign`, 'installations/my-prod/web-values.yaml']
  git(target.state, 'clone', '--quiet', target.bare, work)
  const kept: string[] = []
  for (let i = 0; i < 12; i++) {
    registry.push('acme/web', `v1${i}`)
    const asked = send(JSON.stringify({ id: `race-${i}`, image: `${hooked}:v1${i}` }))
    // The very file, each time at its other end: above the value that mgo changes, or below it.
    git(work, 'fetch', '--quiet')
    git(work, 'reset', '--quiet', '--hard', 'origin/main')
    const text = readFileSync(join(work, path), 'utf8')
    writeFileSync(join(work, path), i % 2 === 0 ? `# foreign ${i}\n${text}` : `${text}# foreign ${i}\n`)
    git(work, 'commit', '--quiet', '--all', '-m', `foreign ${i}`)
    try {
      git(work, 'push', '--quiet')
      kept.push(`# foreign ${i}`)
    } catch {
      // mgo was faster.
    }
    assert.equal((await asked).status, 202)
    await committed(`${hooked}:v1${i}@`)
  }
  const file = git(target.bare, 'show', `main:${path}`)
  assert.match(file, /:v111@|v111@sha256:/)
  assert.deepEqual(file.match(/^# foreign \d+$/gm)?.toSorted(), kept.toSorted(), 'nothing of theirs was lost')
  const log = git(target.bare, 'log', '--format=%P', 'main').trim().split('\n')
  assert.ok(
    log.every((parents) => parents.split(' ').length <= 1),
    'one line of commits',
  )
  const stat = git(target.bare, 'log', '-12', '--author=hook generic', '--numstat', '--format=', 'main').trim()
  assert.deepEqual([...new Set(stat.split('\n'))], [`1\t1\t${path}`], 'each of ours changes its one line')
})

test('S32: who pushed, as the payload says, is a claim; who asks is the hook', async () => {
  registry.push('acme/web', 'v7')
  assert.equal(
    (await send(push('v7', { by: 'Ada <ada@example.com>', principal: 'token admin', author: 'x' }))).status,
    202,
  )
  const message = await committed(`${hooked}:v7@`)
  assert.match(message, /^Mgo-Verified-By: hook generic of generic, by hmac-sha256$/m)
  const said = await fetch(`${target.url}/v1/audit`, { headers: { authorization: `Bearer ${target.tokens.admin}` } })
  const { entries } = (await said.json()) as { entries: { entry: string }[] }
  const last = entries
    .map(({ entry }) => JSON.parse(entry) as Record<string, string>)
    .findLast(({ kind }) => kind === 'asked')
  assert.deepEqual(
    [last?.['principal'], last?.['author'], last?.['claimedAuthor']],
    ['hook generic', 'hook generic', 'Ada <ada@example.com>'],
  )
})
