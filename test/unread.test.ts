/**
 * Requests that are no HTTP, too large in their headers, or never complete: no route sees them, and their answers are like
 * all others.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { server } from './door.ts'

/** Sends bytes, and gives all that comes back until the server hangs up. */
function raw(bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(Number(new URL(server).port), '127.0.0.1', () => socket.write(bytes))
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()))
    socket.setTimeout(20_000, () => socket.destroy(new Error('the server says nothing')))
    socket.on('error', reject)
    socket.on('close', () => resolve(answer))
  })
}

const start = 'POST /v1/deploys HTTP/1.1\r\nHost: localhost\r\n'
const cases: [bytes: string, status: number, hint: RegExp, why: string][] = [
  [`${start}Cookie: ${'x'.repeat(17_000)}`, 431, /16 KiB/, 'headers over 16 KiB'],
  ['no http at all\r\n\r\n', 400, /HTTP\/1\.1/, 'another protocol'],
  [start, 408, /seconds/, 'headers that never end'],
]
for (const [bytes, status, hint, why] of cases)
  test(`${status} is a problem with a code and a hint: ${why}`, async () => {
    const [head = '', body = ''] = (await raw(bytes)).split('\r\n\r\n')
    assert.match(head, new RegExp(`^HTTP/1\\.1 ${status} `))
    assert.match(head, /^content-type: application\/problem\+json; charset=utf-8$/im)
    assert.match(head, /^cache-control: no-store$/im)
    assert.match(head, /^connection: close$/im)
    assert.match(head, new RegExp(`^content-length: ${Buffer.byteLength(body)}$`, 'im'))
    const problem = JSON.parse(body) as Readonly<Record<string, unknown>>
    assert.deepEqual([problem['status'], problem['code']], [status, 'REQUEST_INVALID'])
    assert.match(String(problem['hint']), hint)
  })
