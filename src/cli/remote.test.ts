import assert from 'node:assert/strict'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { MgoError } from '../error.ts'
import { type Answer, sendRemotely } from './remote.ts'

type Reply = (response: ServerResponse) => void
const json =
  (status: number, body: object): Reply =>
  (response) =>
    void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
const torn: Reply = (response) => void response.destroy()
const proxy: Reply = (response) =>
  void response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad Gateway</h1>')
const id = '01JD3X8B7Q9K2M4N6P8R0S2T4V'
const accepted = json(202, { id })
const verdict = { id, cluster: 'prod', verdict: 'healthy', releases: [] }

/** Sends a deploy to a server that gives these answers, one after the other. */
async function sentTo(
  replies: readonly Reply[],
  timeoutMs = 20_000,
): Promise<{ said: unknown; asked: readonly string[]; heard: readonly Answer[] }> {
  const asked: string[] = []
  const heard: Answer[] = []
  const server = createServer((request, response) => {
    const reply = replies[asked.length] ?? torn
    asked.push(`${request.method} ${request.url}`)
    request.resume().on('end', () => reply(response))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const reach = { server: url, identity: async () => undefined, agent: 'mgo/test', author: undefined, timeoutMs }
  const accepted = (answer: Answer) => void heard.push(answer)
  const said = await sendRemotely('/v1/deploys', {}, { ...reach, accepted }).catch((error: unknown) =>
    error instanceof MgoError ? error.code : error,
  )
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  return { said, asked, heard }
}

test('a server that starts anew is asked again for what it accepted', async () => {
  const overloaded = json(503, { code: 'OVERLOADED', detail: 'too much' })
  const { said, asked } = await sentTo([accepted, torn, proxy, overloaded, accepted, json(200, verdict)])
  assert.deepEqual(said, verdict)
  assert.deepEqual(asked, ['POST /v1/deploys', ...Array.from({ length: 5 }, () => `GET /v1/deploys/${id}?wait=60s`)])
})

test('what was not accepted is not sent again, and a refusal is no restart', async () => {
  assert.deepEqual(await sentTo([torn]), { said: 'SERVER_UNREACHABLE', asked: ['POST /v1/deploys'], heard: [] })
  const { said, asked } = await sentTo([accepted, json(401, { code: 'UNAUTHORIZED', detail: 'the token has expired' })])
  assert.deepEqual([said, asked.length], ['UNAUTHORIZED', 2])
})

test('a server that stays away is told of when the time is up', async () => {
  const { said, asked } = await sentTo([accepted], 1_500)
  assert.equal(said, 'SERVER_UNREACHABLE')
  assert.ok(asked.length >= 3, String(asked.length))
})

test('what was accepted is told once, with all that the server says of it', async () => {
  const waiting = { id, image: 'acme/web:v1', backTo: 'a'.repeat(40), backFrom: 'b'.repeat(40), git: 'away' }
  assert.deepEqual((await sentTo([json(202, waiting), accepted, json(200, verdict)])).heard, [waiting])
  assert.deepEqual((await sentTo([json(200, verdict)])).heard, [], 'it has its verdict already')
})
