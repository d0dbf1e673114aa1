/**
 * A watch against an API server that misbehaves: a loopback server that speaks the protocol, line by line.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { MgoError } from '../error.ts'
import type { Kube, WatchEvent } from '../ports.ts'
import { openKube } from './kube.ts'

type Asked = { readonly query: URLSearchParams; readonly answer: Answer }
type Answer = {
  line(type: string, name: string, version: string): void
  /** The end of the state at the start. */
  end(version: string): void
  error(code: number): void
  status(code: number): void
  list(names: readonly string[], version: string): void
  reset(): void
  close(): void
}

/** Serves pods; each request is answered by the next step of the script, the last step again and again. */
async function serve(t: TestContext, ...steps: readonly ((asked: Asked) => void)[]) {
  const queries: URLSearchParams[] = []
  const server = createServer((request, response) => {
    const query = new URL(request.url ?? '', 'http://x').searchParams
    queries.push(query)
    steps[Math.min(queries.length, steps.length) - 1]?.({ query, answer: answerOf(response) })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const login = {
    context: 'test',
    server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    credential: async () => ({}),
  }
  const kube = openKube(login, { agent: 'test' })
  t.after(async () => {
    await kube.close()
    server.closeAllConnections()
    server.close()
  })
  return { kube, queries }
}

function answerOf(response: ServerResponse): Answer {
  const send = (type: string, object: object) => response.write(`${JSON.stringify({ type, object })}\n`)
  const pod = (name: string, resourceVersion: string) => ({ metadata: { name, namespace: 'shop', resourceVersion } })
  return {
    line: (type, name, version) => send(type, { apiVersion: 'v1', kind: 'Pod', ...pod(name, version) }),
    end: (resourceVersion) =>
      send('BOOKMARK', {
        kind: 'Pod',
        metadata: { resourceVersion, annotations: { 'k8s.io/initial-events-end': 'true' } },
      }),
    error: (code) => send('ERROR', { kind: 'Status', code, message: `error ${code}`, metadata: {} }),
    status: (code) => response.writeHead(code).end(JSON.stringify({ kind: 'Status', code, message: `status ${code}` })),
    list: (names, resourceVersion) =>
      response.end(
        JSON.stringify({
          apiVersion: 'v1',
          kind: 'PodList',
          metadata: { resourceVersion },
          items: names.map((name) => pod(name, resourceVersion)),
        }),
      ),
    reset: () => response.socket?.resetAndDestroy(),
    close: () => response.end(),
  }
}

/** Reads events as text, until there are as many as wanted. */
async function read(kube: Kube, count: number): Promise<readonly string[]> {
  const stop = new AbortController()
  const resource = { group: '', version: 'v1', plural: 'pods', namespaced: true }
  const found: string[] = []
  for await (const event of kube.watch({ resource, namespace: 'shop', labels: 'app=web' }, stop.signal)) {
    found.push(told(event))
    if (found.length === count) break
  }
  stop.abort()
  return found
}

function told(event: WatchEvent): string {
  return 'object' in event ? `${event.kind} ${event.object.metadata.name}` : event.kind
}

test('the state comes with the watch: one request', async (t) => {
  const { kube, queries } = await serve(t, ({ answer }) => {
    answer.line('ADDED', 'a', '5')
    answer.end('7')
    answer.line('MODIFIED', 'a', '8')
    answer.line('DELETED', 'a', '9')
  })
  assert.deepEqual(await read(kube, 4), ['added a', 'synced', 'modified a', 'gone a'])
  assert.equal(queries.length, 1)
  assert.equal(queries[0]?.get('sendInitialEvents'), 'true')
  assert.equal(queries[0]?.get('labelSelector'), 'app=web')
})

test('a server that cannot do that is asked with a list first', async (t) => {
  const { kube, queries } = await serve(
    t,
    ({ answer }) => answer.status(422),
    ({ answer }) => answer.list(['a'], '5'),
    ({ answer }) => answer.line('ADDED', 'b', '6'),
  )
  assert.deepEqual(await read(kube, 3), ['added a', 'synced', 'added b'])
  assert.equal(queries[2]?.get('resourceVersion'), '5')
})

test('a cut is told, and made good at once from where it was', async (t) => {
  const { kube, queries } = await serve(
    t,
    ({ answer }) => {
      answer.line('ADDED', 'a', '5')
      answer.end('5')
      answer.line('MODIFIED', 'a', '6')
      setTimeout(() => answer.reset(), 50)
    },
    ({ answer }) => answer.line('DELETED', 'a', '7'),
  )
  const begun = performance.now()
  assert.deepEqual(await read(kube, 6), ['added a', 'synced', 'modified a', 'lost', 'synced', 'gone a'])
  assert.equal(queries[1]?.get('resourceVersion'), '6')
  assert.ok(performance.now() - begun < 1_000, 'fast first')
})

for (const how of ['in the stream', 'as an answer'] as const)
  test(`410 ${how}: the state is read anew, and what vanished meanwhile is told`, async (t) => {
    const { kube } = await serve(
      t,
      ({ answer }) => {
        answer.line('ADDED', 'a', '5')
        answer.line('ADDED', 'b', '5')
        answer.end('5')
        if (how === 'in the stream') answer.error(410)
        else answer.close()
      },
      ...(how === 'in the stream' ? [] : [({ answer }: Asked) => answer.status(410)]),
      ({ answer }) => {
        answer.line('ADDED', 'b', '8')
        answer.end('9')
      },
    )
    assert.deepEqual(await read(kube, 6), ['added a', 'added b', 'synced', 'gone a', 'modified b', 'synced'])
  })

test('what waiting does not mend is thrown; a server that comes up again may refuse for a moment', async (t) => {
  const first = await serve(t, ({ answer }) => answer.status(403))
  await assert.rejects(read(first.kube, 1), (error) => error instanceof MgoError && error.code === 'KUBE_DENIED')
  const later = await serve(
    t,
    ({ answer }) => {
      answer.end('5')
      setTimeout(() => answer.reset(), 20)
    },
    ({ answer }) => answer.status(403),
    ({ answer }) => answer.line('ADDED', 'a', '6'),
  )
  assert.deepEqual(await read(later.kube, 5), ['synced', 'lost', 'lost', 'synced', 'added a'])
})

test('what changes while the state at the start is told is part of it', async (t) => {
  const { kube } = await serve(t, ({ answer }) => {
    answer.line('ADDED', 'a', '5')
    answer.line('ADDED', 'b', '5')
    answer.line('MODIFIED', 'a', '6')
    answer.line('DELETED', 'b', '7')
    answer.line('ADDED', 'c', '8')
    answer.end('8')
    answer.line('MODIFIED', 'c', '9')
  })
  const stop = new AbortController()
  const seen: string[] = []
  const resource = { group: '', version: 'v1', plural: 'pods', namespaced: true }
  for await (const event of kube.watch({ resource, namespace: 'shop' }, stop.signal)) {
    seen.push(
      'object' in event ? `${event.object.metadata.name} at ${event.object.metadata.resourceVersion}` : event.kind,
    )
    if (seen.length === 4) stop.abort()
  }
  assert.deepEqual(seen, ['a at 6', 'c at 8', 'synced', 'c at 9'])
})

test('a cut before the state at the start is complete ends nothing', async (t) => {
  const { kube } = await serve(
    t,
    ({ answer }) => {
      answer.line('ADDED', 'a', '5')
      setTimeout(() => answer.reset(), 20)
    },
    ({ answer }) => {
      answer.line('ADDED', 'a', '5')
      answer.end('5')
    },
  )
  assert.deepEqual(await read(kube, 3), ['lost', 'added a', 'synced'])
})

test('a server that always hangs up is not asked in a storm', async (t) => {
  const { kube, queries } = await serve(
    t,
    ({ answer }) => {
      answer.end('5')
      setTimeout(() => answer.reset(), 1)
    },
    ({ answer }) => answer.reset(),
  )
  const stop = new AbortController()
  setTimeout(() => stop.abort(), 1_000)
  const resource = { group: '', version: 'v1', plural: 'pods', namespaced: true }
  for await (const event of kube.watch({ resource, namespace: 'shop' }, stop.signal))
    assert.notEqual(event.kind, 'gone')
  assert.ok(queries.length >= 4 && queries.length <= 12, `${queries.length} requests in a second`)
})
