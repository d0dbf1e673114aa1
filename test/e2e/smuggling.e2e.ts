/**
 * Requests that two programs on the way could read differently (S29), as raw bytes to a running server: each is refused
 * once, its connection ends, and nothing hidden in it is taken for a request.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { makeBare } from '../git-server.ts'
import { makeMgo } from '../mgo.ts'

const root = mkdtempSync(join(tmpdir(), 'mgo-raw-'))
const repo = makeBare(root, 'repo.git', { 'installations/prod/x.yaml': 'a: 1\n' })
const mgo = makeMgo({ repo })
const server = await mgo.serve()
const { port, host } = new URL(server.url)
after(async () => {
  await server.stop()
  mgo.remove()
  rmSync(root, { recursive: true, force: true })
})

/** Sends bytes, and gives all that came back until the server closed, or was silent for a moment. */
function raw(bytes: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = ''
    const socket = connect(Number(port), '127.0.0.1', () => socket.write(bytes, 'latin1'))
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')))
    socket.setTimeout(1_500, () => socket.destroy())
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(answer))
  })
}

const hidden = 'GET /metrics?smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n'
const start = `POST /v1/deploys HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n`

const attacks: [bytes: string, why: string][] = [
  [`${start}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`, 'a length and chunks: CL.TE'],
  [`${start}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${hidden}`, 'the other way round: TE.CL'],
  [`${start}Content-Length: 2\r\nContent-Length: 60\r\n\r\n{}${hidden}`, 'two lengths'],
  [`${start}Content-Length: 2, 60\r\n\r\n{}${hidden}`, 'two lengths in one field'],
  [`${start}Content-Length: +2\r\n\r\n{}${hidden}`, 'a length with a sign'],
  [`${start}Content-Length: 0x2\r\n\r\n{}${hidden}`, 'a length in base 16'],
  [`${start}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${hidden}`, 'an encoding that is none'],
  [`${start}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${hidden}`, 'chunked, and not at the end'],
  [`${start}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n${hidden}`, 'a space before the colon'],
  [`${start}Transfer-Encoding: chunked\r\n\r\n2;\n{}\r\n0\r\n\r\n${hidden}`, 'a chunk that ends with a bare LF'],
  [`${start}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}\r\n${hidden}`, 'a chunk longer than any number'],
  [`${start}X-A: 1\n\nContent-Length: 2\r\n\r\n{}${hidden}`, 'a bare LF ends the headers'],
  [start.replaceAll('\r\n', '\n') + `\n${hidden}`, 'LF only'],
  [`${start}X-A: a\0b\r\n\r\n${hidden}`, 'a NUL in a field'],
  [`${start}X-A: a\r\n Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n{}${hidden}`, 'a folded line'],
  [`${start}X-Long: ${'x'.repeat(20_000)}\r\n\r\n${hidden}`, 'headers over 16 KiB'],
  [`PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${hidden}`, 'the beginning of HTTP/2'],
  [`GET http://elsewhere/ HTTP/1.1\r\nHost: elsewhere\r\nConnection: close\r\n\r\n`, 'a whole address of another host'],
]
for (const [bytes, why] of attacks)
  test(`S29: refused: ${why}`, async () => {
    const answer = await raw(bytes)
    const statuses = [...answer.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map((match) => Number(match[1]))
    assert.ok(statuses.length <= 1, `${statuses.length} answers`)
    assert.ok(
      statuses.every((status) => status >= 400 && status < 500),
      answer.slice(0, 200),
    )
    assert.doesNotMatch(answer, /mgo_build_info/)
  })

test('S29: afterwards it serves as before, and nothing was accepted', async () => {
  const metrics = await (await fetch(`${server.url}/metrics`)).text()
  assert.match(metrics, /^mgo_requests_accepted_total 0$/m)
  assert.equal((await fetch(`${server.url}/healthz`)).status, 200)
})
