/**
 * A broken or hostile API server, on loopback: it is told apart from a good one, costs little, and hurts no other cluster.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import { MgoError } from '../error.ts'
import type { Kube } from '../ports.ts'
import { openSecrets } from '../secrets.ts'
import { openKube } from './kube.ts'

type Answer = (response: ServerResponse, request: IncomingMessage) => void
const closers: (() => Promise<unknown>)[] = []
after(() => Promise.all(closers.map((close) => close())))

const core = {
  items: [
    {
      metadata: { name: '' },
      versions: [
        { version: 'v1', resources: [{ resource: 'pods', responseKind: { kind: 'Pod' }, scope: 'Namespaced' }] },
      ],
    },
  ],
}

/** A server that discovers as a real one does, and answers all else with `answer`. */
async function cluster(answer: Answer): Promise<{ readonly kube: Kube; readonly url: string; asked(): number }> {
  let asked = 0
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'application/json')
    if (/^\/apis?$/.test(request.url ?? ''))
      return response.end(JSON.stringify(request.url === '/api' ? core : { items: [] }))
    asked++
    return answer(response, request)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const secrets = openSecrets()
  secrets.credential('token-of-mgo')
  const credential = async () => ({ token: 'token-of-mgo' })
  const kube = openKube({ context: 'prod', server: url, credential }, { agent: 'mgo/test', hide: secrets.hide })
  closers.push(async () => {
    await kube.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return { kube, url, asked: () => asked }
}

const pod = { group: '', version: 'v1', kind: 'Pod', namespace: 'app', name: 'web' }
const pods = { resource: { group: '', version: 'v1', plural: 'pods', namespaced: true }, namespace: 'app' }
const object = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web', namespace: 'app' } }

async function failure(work: Promise<unknown>): Promise<MgoError> {
  const error = await work.then(
    () => undefined,
    (why: unknown) => why,
  )
  assert.ok(error instanceof MgoError, String(error))
  return error
}

/** Writes for as long as somebody reads. */
const endless =
  (head: string): Answer =>
  (response) => {
    response.write(head)
    const more = () => {
      while (!response.destroyed && response.write('x'.repeat(256 * 1024)));
      response.once('drain', more)
    }
    more()
  }

test('an answer without end: given up at its cap, memory stays, and another cluster does not notice', async () => {
  const bad = await cluster(endless('{"kind":"Pod","metadata":{"name":"'))
  const good = await cluster((response) => response.end(JSON.stringify(object)))
  const before = process.memoryUsage().rss
  const [error, read] = await Promise.all([failure(bad.kube.get(pod)), good.kube.get(pod)])
  assert.equal(error.code, 'KUBE_FAILED')
  assert.match(error.message, /larger than 64 MiB/)
  assert.deepEqual(read, object)
  assert.ok(process.memoryUsage().rss - before < 400 * 1024 * 1024)
})

test('a redirect is not followed: the token belongs to this server alone', async () => {
  const elsewhere = await cluster((response) => response.end(JSON.stringify(object)))
  const bad = await cluster((response) => response.writeHead(307, { location: `${elsewhere.url}/api/v1/x` }).end())
  assert.equal((await failure(bad.kube.get(pod))).code, 'KUBE_REFUSED')
  assert.equal((await failure(bad.kube.apply(object, { manager: 'mgo' }))).code, 'KUBE_REFUSED')
  assert.equal(elsewhere.asked(), 0)
})

const wrong: [body: string, why: string][] = [
  ['[]', 'a list where an object belongs'],
  ['"Pod"', 'a text'],
  ['null', 'nothing'],
  ['<html>sign in</html>', 'a page of a proxy'],
  ['{"kind":"Pod"}', 'an object without metadata'],
  ['{"kind":"Pod","metadata":[1]}', 'metadata that is none'],
  ['{"metadata":{"name":"web"}}', 'an object without a kind'],
]
for (const [body, why] of wrong)
  test(`a good status and ${why}: KUBE_FAILED, never a crash`, async () => {
    const { kube } = await cluster((response) => response.end(body))
    assert.equal((await failure(kube.get(pod))).code, 'KUBE_FAILED')
    assert.equal((await failure(kube.apply(object, { manager: 'mgo' }))).code, 'KUBE_FAILED')
  })

const lists: [body: string, why: string][] = [
  ['{"items":{}}', 'items that are no list'],
  ['{"items":[null]}', 'an item that is nothing'],
  ['{"items":[{"kind":"Pod"}]}', 'an item without metadata'],
  ['{"items":[],"metadata":{"continue":"more"}}', 'always one more page'],
]
for (const [body, why] of lists)
  test(`a list with ${why}: KUBE_FAILED`, async () => {
    const { kube } = await cluster((response) => response.end(body))
    assert.equal((await failure(kube.list(pods))).code, 'KUBE_FAILED')
  })

test('what it says of a failure holds no secret, also where it was cut short', async () => {
  const long = 'x'.repeat(1_990)
  const { kube } = await cluster((response) =>
    response.writeHead(422).end(JSON.stringify({ kind: 'Status', message: `${long} token-of-mgo`, reason: 'Invalid' })),
  )
  const { message } = await failure(kube.get(pod))
  assert.ok(!message.includes('token'), message.slice(-40))
})
