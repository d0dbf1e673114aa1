/**
 * What senders ask before they send: both handshakes of Azure Event Grid, which open nothing to whoever has no secret. And
 * what a retry is known by: events that come in other company the next time, bytes that come again over any border of time.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import type { Cluster } from '../../src/release/ids.ts'
import { limited } from '../../src/server/tries.ts'
import { hookOf, id, office, openDoor, secret } from '../webhooks/door.ts'
import { golden } from '../webhooks/golden.ts'

const hits: string[] = []
const trap = createServer((request, response) => {
  hits.push(request.url ?? '')
  response.end()
})
await new Promise<void>((resolve) => trap.listen(0, '127.0.0.1', resolve))
after(() => trap.close())
const trapUrl = `http://127.0.0.1:${(trap.address() as AddressInfo).port}/validate`

let [failures, aheadMs] = [0, 0]
const image = {
  source: 'github.com/acme/shop',
  clusters: ['one'] as Cluster[],
  tags: { kind: 'any' },
  resolve: false,
} as const
const repository = 'acme.azurecr.io/acme/shop'
const app = openDoor({
  hooks: [
    hookOf('acr', { images: [{ ...image, repository, image: repository }] }),
    hookOf('quay', { images: [{ ...image, repository: 'quay.io/acme/shop', image: 'quay.io/acme/shop' }] }),
  ],
  now: () => Date.now() + aheadMs,
  bounds: {
    perMinute: () => 77,
    delivered: () => undefined,
    failed: () => {
      if (++failures > 5) throw limited('too many wrong proofs from this address', 1_000)
    },
  },
})
const base = await app.listen({ host: '127.0.0.1', port: 0 })

const body = (name: string) => golden.find((one) => one.vendor === 'acr' && one.name === name)?.body
const greets = { 'content-type': 'application/json', 'aeg-event-type': 'SubscriptionValidation' }
const proof = { authorization: `Bearer ${secret}` }

type Answer = { readonly status: number; readonly body: Readonly<Record<string, unknown>> }

async function post(headers: Readonly<Record<string, string>>, sent: unknown, to = `acr/${id}`): Promise<Answer> {
  const got = await fetch(`${base}/webhooks/${to}`, { method: 'POST', headers, body: JSON.stringify(sent) })
  return { status: got.status, body: (await got.json()) as Answer['body'] }
}

test('the code of a subscription comes back, with the secret or before it is there, and nobody is called', async () => {
  const greeting = JSON.parse(JSON.stringify(body('grid-greeting'))) as { data: Record<string, string> }[]
  const [event] = greeting
  assert.ok(event !== undefined)
  event.data['validationUrl'] = trapUrl
  for (const headers of [greets, { ...greets, ...proof }]) {
    const got = await post(headers, greeting)
    assert.deepEqual(got, { status: 200, body: { validationResponse: '512d38b6-c7b8-40c8-89fe-f46f9e9622b6' } })
  }
  assert.deepEqual(hits, [])
  assert.equal(failures, 1, 'without a proof it counts as a wrong one')
})

test('nothing else goes in under the header of a greeting', async () => {
  const before = office.asked.length
  for (const name of ['grid', 'push', 'cloudevents-batch'])
    assert.equal((await post(greets, body(name))).status, 401, name)
  assert.equal((await post(greets, body('grid-greeting'), 'acr/another-id-that-nobody-has')).status, 404)
  assert.equal((await post(greets, body('grid-greeting'), `quay/${id}`)).status, 400, 'no vendor of greetings')
  const { 'aeg-event-type': _, ...plain } = greets
  assert.equal((await post(plain, body('grid-greeting'))).status, 401)
  assert.equal((await post(greets, body('grid-greeting'))).status, 429, 'whoever only guesses is bounded')
  assert.equal(office.asked.length, before)
})

const options: [path: string, headers: Record<string, string>, want: number, why: string][] = [
  [`acr/${id}`, { 'webhook-request-origin': 'eventgrid.azure.net', 'webhook-request-rate': '120' }, 200, 'Event Grid'],
  [`acr/${id}`, { 'webhook-request-origin': 'a.example', 'webhook-request-callback': trapUrl }, 200, 'a callback'],
  [`acr/${id}`, {}, 400, 'nobody'],
  [`acr/${id}`, { 'webhook-request-origin': 'a b' }, 400, 'no host'],
  [`acr/${id}`, { 'webhook-request-origin': 'a.example', origin: 'https://a.example' }, 403, 'a web page'],
  ['acr/another-id-that-nobody-has', { 'webhook-request-origin': 'a.example' }, 404, 'another address'],
]
for (const [path, headers, want, why] of options)
  test(`OPTIONS: ${why}: ${want}`, async () => {
    const got = await fetch(`${base}/webhooks/${path}`, { method: 'OPTIONS', headers })
    assert.equal(got.status, want)
    const told = ['webhook-allowed-origin', 'webhook-allowed-rate'].map((name) => got.headers.get(name))
    assert.deepEqual(told, want === 200 ? [headers['webhook-request-origin'], '77'] : [null, null])
    assert.deepEqual(hits, [], 'no address of a header is called')
  })

test('an event that comes again alone, or beside others, is the same deploy', async () => {
  const batch = { 'content-type': 'application/cloudevents-batch+json', ...proof }
  const both = await post(batch, body('cloudevents-batch'))
  const [first, second] = both.body['deploys'] as { id: string; again: boolean }[]
  assert.deepEqual([both.status, first?.again, second?.again], [202, false, false])
  const alone = await post({ 'content-type': 'application/cloudevents+json', ...proof }, body('cloudevent'))
  assert.deepEqual(alone.body['deploys'], [{ ...first, again: true }])
  const turned = await post(batch, (body('cloudevents-batch') as unknown[]).toReversed())
  assert.deepEqual(turned.body['deploys'], [
    { ...second, again: true },
    { ...first, again: true },
  ])
})

test('bytes without id and time are a retry for ten minutes from the first, whatever the clock shows', async () => {
  const payload = golden.find(({ vendor, name }) => vendor === 'quay' && name === 'push')?.body
  const send = async (minutes: number) => {
    aheadMs = minutes * 60_000
    const got = await post({ 'content-type': 'application/json' }, payload, `quay/${id}`)
    return (got.body['deploys'] as { readonly id: string }[]).map((one) => one.id)
  }
  const first = await send(0)
  assert.ok(first.length > 0)
  for (const minutes of [1, 4, 7, 9.9]) assert.deepEqual(await send(minutes), first, `${minutes} minutes later`)
  assert.notDeepEqual(await send(10.1), first, 'a new push of the same tag')
})
