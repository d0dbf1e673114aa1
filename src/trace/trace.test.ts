import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import type { Event } from '../event/event.ts'
import { type Cluster, type Commit, requestId } from '../release/ids.ts'
import type { DeployRequest } from '../release/request.ts'
import { type Span, traceIdOf } from './otlp.ts'
import { traceSettings } from './settings.ts'
import { openTracer } from './trace.ts'

type Body = {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly { key: string; value: { stringValue: string } }[] }
    readonly scopeSpans: readonly { readonly spans: readonly Span[] }[]
  }[]
}

/** A collector on loopback: answers with the next of `answers`, then 200. */
async function collector(...answers: number[]) {
  const bodies: { readonly body: Body; readonly path: string; readonly key: unknown }[] = []
  const server = createServer((request, response) => {
    let text = ''
    request.on('data', (chunk: Buffer) => (text += chunk.toString()))
    request.on('end', () => {
      const status = answers.shift() ?? 200
      if (status === 200)
        bodies.push({ body: JSON.parse(text) as Body, path: request.url ?? '', key: request.headers['x-key'] })
      response.writeHead(status, { 'content-type': 'application/json' }).end('{}')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  after(() => server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, bodies }
}

const cluster = 'prod' as Cluster
const asked: DeployRequest = {
  id: requestId(1_700_000_000_000, new Uint8Array(16).fill(7)),
  cluster,
  source: 'src',
  image: { repository: 'acme/web', tag: 'v2', digest: undefined },
  author: { name: 'Ada', email: '' },
  acceptedAt: 1_000,
}
const release = { release: 'app/web', verdict: 'failed', reason: '', code: 'CRASH_LOOP' } as const
const commit = 'c0ffee' as Commit
const timing = { acceptedMs: 0, committedMs: 40, pushedMs: 150 }
const events: readonly (readonly [number, Event])[] = [
  [1_000, { kind: 'accepted', request: asked }],
  [1_200, { kind: 'planned', cluster, apply: 1, keep: 0, prune: 0 }],
  [1_210, { kind: 'applying', cluster, unit: 'app/web', reason: '' }],
  [1_600, { kind: 'applied', cluster, unit: 'app/web', revision: 2 }],
  [2_500, { kind: 'judged', cluster, release }],
  [
    2_510,
    {
      kind: 'finished',
      request: asked,
      verdict: { id: asked.id, cluster, commit, verdict: 'failed', releases: [release], timing },
    },
  ],
]

async function traced(url: string): Promise<readonly string[]> {
  const warnings: string[] = []
  const settings = traceSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_EXPORTER_OTLP_HEADERS: 'x-key=a%20b' })
  assert.ok(settings !== undefined)
  const tracer = openTracer({ settings, version: '1.2.3', warn: (text) => void warnings.push(text) })
  for (const [at, event] of events) tracer.told({ ...event, at })
  await tracer.close()
  return warnings
}

test('one deploy, from the request to its verdict, at a collector', async () => {
  const { url, bodies } = await collector()
  assert.deepEqual(await traced(url), [])
  const [got] = bodies
  assert.equal(got?.path, '/v1/traces')
  assert.equal(got?.key, 'a b')
  const [resource] = got?.body.resourceSpans ?? []
  assert.ok(
    resource?.resource.attributes.some(({ key, value }) => key === 'service.name' && value.stringValue === 'mgo'),
  )
  const spans = resource?.scopeSpans[0]?.spans ?? []
  assert.deepEqual(
    spans.map(({ name, startTimeUnixNano: from, endTimeUnixNano: to }) => [name, from, to]),
    [
      ['deploy', '1000000000', '2510000000'],
      ['commit', '1000000000', '1040000000'],
      ['push', '1040000000', '1150000000'],
      ['plan', '1150000000', '1200000000'],
      ['apply', '1210000000', '1600000000'],
      ['verdict', '1600000000', '2500000000'],
    ],
  )
  const [root, ...parts] = spans
  assert.equal(root?.traceId, traceIdOf(asked.id))
  assert.deepEqual(root?.status, { code: 2, message: 'CRASH_LOOP' })
  assert.equal(root?.parentSpanId, undefined)
  assert.ok(parts.every(({ traceId, parentSpanId }) => traceId === root?.traceId && parentSpanId === root.spanId))
  assert.equal(new Set(spans.map(({ spanId }) => spanId)).size, spans.length)
  assert.ok(spans.every(({ traceId, spanId }) => /^[0-9a-f]{32}$/.test(traceId) && /^[0-9a-f]{16}$/.test(spanId)))
})

test('a collector that refuses, is busy or is away costs a warning and nothing else', async () => {
  const refuses = await collector(400)
  assert.match((await traced(refuses.url))[0] ?? '', /answered 400; 6 spans were lost/)
  const busy = await collector(503)
  assert.match((await traced(busy.url))[0] ?? '', /answered 503$/)
  assert.match((await traced('http://127.0.0.1:9'))[0] ?? '', /cannot be reached: ECONNREFUSED/)
})

test('the trace is the request’s own id', () => {
  assert.equal(traceIdOf('00000000000000000000000000'), '0'.repeat(32))
  assert.equal(traceIdOf('7ZZZZZZZZZZZZZZZZZZZZZZZZZ'), 'f'.repeat(32))
  assert.equal(traceIdOf('0000000000000000000000001Z'), `${'0'.repeat(30)}3f`)
})

const settings: [env: Record<string, string>, url: string | undefined, why: string][] = [
  [{}, undefined, 'nothing is set'],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318/' }, 'http://c:4318/v1/traces', 'the base'],
  [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://c/x' }, 'https://c/x', 'the whole address'],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318', OTEL_SDK_DISABLED: 'true' }, undefined, 'switched off'],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, 'refused', 'gRPC'],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'c:4318' }, 'refused', 'no address'],
]
for (const [env, url, why] of settings)
  test(`traceSettings: ${why}`, () => {
    if (url === 'refused') assert.throws(() => traceSettings(env), { code: 'CONFIG_INVALID' })
    else assert.equal(traceSettings(env)?.url, url)
  })
