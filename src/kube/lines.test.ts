import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MgoError } from '../error.ts'
import { type Line, lines } from './lines.ts'

async function* chunked(bytes: Uint8Array, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  let from = 0
  for (const cut of cuts.map((one) => one % (bytes.length + 1)).toSorted((a, b) => a - b)) {
    yield bytes.subarray(from, cut)
    from = cut
  }
  yield bytes.subarray(from)
}

async function all(bytes: Uint8Array, cuts: readonly number[], limit?: number): Promise<readonly Line[]> {
  const found: Line[] = []
  for await (const line of lines(chunked(bytes, cuts), limit)) found.push(line)
  return found
}

const event = fc.record({
  type: fc.constantFrom('ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK'),
  object: fc.record({ kind: fc.string(), metadata: fc.record({ name: fc.string({ unit: 'binary' }) }) }),
})
const encode = (text: string) => new TextEncoder().encode(text)

test('law: events come out as they went in, however the stream was cut', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(event), fc.array(fc.nat()), async (events, cuts) => {
      const bytes = encode(events.map((one) => `${JSON.stringify(one)}\n`).join(''))
      assert.deepEqual(await all(bytes, cuts), JSON.parse(JSON.stringify(events)))
    }),
  )
})

const corpus = [
  '',
  '\n\n',
  'null\n',
  '[]\n',
  '{"type":"ADDED"}\n',
  '{"type":1,"object":{"metadata":{}}}\n',
  '{"type":"ADDED","object":null}\n',
  '{"type":"ADDED","object":{"metadata":null}}\n',
  '{"type":"ERROR","object":{"code":410}}\n',
  '{"type":"ADDED","object":{"metadata":{"name":"x"}}',
  '{"__proto__":{"type":"ADDED"},"object":{}}\n',
  `${'['.repeat(20_000)}\n`,
]
test('fuzz: any bytes are events or KUBE_FAILED, nothing else', async () => {
  const text = fc.oneof(
    fc.constantFrom(...corpus),
    fc.json().map((one) => `${one}\n`),
    fc.string(),
  )
  const bytes = fc.oneof(text.map(encode), fc.uint8Array({ maxLength: 500 }))
  await fc.assert(
    fc.asyncProperty(bytes, fc.array(fc.nat(), { maxLength: 4 }), async (given, cuts) => {
      try {
        for (const { type, object } of await all(given, cuts))
          assert.ok(typeof type === 'string' && typeof object === 'object')
      } catch (error) {
        assert.ok(error instanceof MgoError && error.code === 'KUBE_FAILED', String(error))
      }
    }),
    { numRuns: Number(process.env['MGO_FUZZ_RUNS'] ?? 500) },
  )
})

test('a line larger than any object ends the watch', async () => {
  await assert.rejects(all(encode('x'.repeat(100)), [10, 20, 30], 64), { code: 'KUBE_FAILED' })
})
