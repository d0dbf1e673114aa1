/**
 * How a server stands towards the outside: its own certificate, proxies in front, a trial without identities.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { Server, request } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TLSSocket, connect } from 'node:tls'
import { after, test } from 'node:test'
import { parseServerSettings } from '../src/config/server-settings.ts'
import { openEntrance } from '../src/entrance.ts'
import { MgoError } from '../src/error.ts'
import { buildApp } from '../src/server/app.ts'
import { servingOf } from '../src/serving.ts'
import { renewTls } from '../src/tls.ts'
import { unwatched } from './overview.ts'
import { makeCerts } from './rig/certs.ts'

const folder = mkdtempSync(join(tmpdir(), 'mgo-entrance-'))
const ends: (() => Promise<void>)[] = []
after(async () => {
  for (const end of ends) await end()
  rmSync(folder, { recursive: true })
})
const clock = { now: Date.now, id: () => assert.fail(), sleep: async () => undefined }

/** Whether the desk takes nothing more. */
let isFull = false

/** A server with these settings; nothing stands behind its desk. */
async function start(yaml: string, flags: Readonly<Record<string, boolean>> = {}) {
  const parsed = parseServerSettings(join(folder, 'mgo.server.yaml'), new TextEncoder().encode(yaml))
  assert.ok(parsed.kind === 'ok', JSON.stringify(parsed))
  const serving = servingOf(
    { listen: '127.0.0.1:0', dryRun: false, commitOnly: false, insecureOpen: false, logLevel: 'info', ...flags },
    parsed.settings,
    folder,
  )
  const entrance = openEntrance(serving, { clock, fetchJson: async () => assert.fail(), print: () => undefined })
  const nobody = async () => assert.fail('nobody gets here')
  const app = buildApp({
    ...entrance,
    desk: {
      accept: nobody,
      again: nobody,
      room: () => {
        if (isFull) throw new MgoError({ code: 'OVERLOADED', message: '2 requests are under way', hint: 'Later.' })
      },
      verdict: async () => undefined,
      cancel: nobody,
      list: nobody,
      resume: nobody,
      told: () => undefined,
      trouble: () => undefined,
      loads: () => new Map(),
      drain: nobody,
    },
    hub: { told: () => undefined, follow: async function* () {}, idle: nobody },
    overview: unwatched,
    memory: { firstEvent: nobody, lastEvent: nobody },
    version: '0',
    hide: (value) => value,
    metrics: { text: async () => '', http: () => undefined },
    trail: nobody,
    warn: () => undefined,
    ready: async () => 'git@git.example.com:acme/gitops.git is empty',
  })
  const url = await app.listen(entrance.listen)
  ends.push(async () => {
    await app.close()
    entrance.close()
  })
  return { url, server: app.server as object, port: (app.server.address() as AddressInfo).port }
}

const identities = 'identities: { tokens: true }\nlimits: { failuresPerMinute: 2 }\n'
const unknown = (url: string, headers: Readonly<Record<string, string>>) =>
  fetch(`${url}/v1/deploys/x`, { headers: { authorization: 'Bearer mgo_wrong', ...headers } })

async function statuses(url: string, addresses: readonly string[]): Promise<readonly number[]> {
  const found: number[] = []
  for (const address of addresses) found.push((await unknown(url, { 'x-forwarded-for': address })).status)
  return found
}

test('the address that a trusted proxy names has its own limit; a stranger cannot name one', async () => {
  const behind = await start(`${identities}proxy: { trusted: [127.0.0.1] }\n`)
  assert.deepEqual(await statuses(behind.url, ['10.0.0.1', '10.0.0.1', '10.0.0.1', '10.0.0.2']), [401, 401, 429, 401])
  const alone = await start(identities)
  assert.deepEqual(await statuses(alone.url, ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4']), [401, 401, 429, 429])
})

test('behind a proxy the server answers to its own name', async () => {
  const { url } = await start(`${identities}url: https://mgo.example.com\nproxy: { trusted: [127.0.0.0/8] }\n`)
  const by = async (host: string) => (await fetch(`${url}/healthz`, { headers: { 'x-forwarded-host': host } })).status
  assert.deepEqual([await by('mgo.example.com'), await by('evil.example.com')], [200, 403])
})

test('a full server says so before it reads a body, and to those only who are let in', async () => {
  const [open, guarded] = [await start('{ gitops: {} }'), await start(identities)]
  isFull = true
  const statusOf = async (url: string) => {
    const response = await fetch(url, { method: 'POST', body: '{', headers: { 'content-type': 'application/json' } })
    return [response.status, response.headers.get('retry-after')]
  }
  assert.deepEqual(await statusOf(`${open.url}/v1/deploys`), [503, '2'])
  assert.deepEqual(await statusOf(`${open.url}/deploy`), [503, '2'])
  assert.deepEqual(await statusOf(`${guarded.url}/v1/deploys`), [401, null])
  assert.equal((await fetch(`${open.url}/healthz`)).status, 200)
  isFull = false
  assert.deepEqual(await statusOf(`${open.url}/v1/deploys`), [400, null])
})

test('what is wrong with the gitops repo is told to those only who are let in', async () => {
  const why = async (url: string) => {
    const response = await fetch(`${url}/readyz`)
    assert.equal(response.status, 503)
    return (await response.text()).includes('git.example.com')
  }
  assert.equal(await why((await start('{ gitops: {} }')).url), true)
  assert.equal(await why((await start(identities)).url), false)
})

test('a trial without identities warns in every answer', async () => {
  const { url } = await start('{ gitops: {} }', { insecureOpen: true })
  for (const path of ['/healthz', '/v1/deploys/x', '/nowhere']) {
    const response = await fetch(`${url}${path}`)
    assert.match(response.headers.get('warning') ?? '', /asks nobody who they are/, path)
    assert.match(((await response.json()) as { warning: string }).warning, /asks nobody/, path)
  }
  assert.match((await fetch(url)).headers.get('warning') ?? '', /asks nobody/)
  const tooLarge = await fetch(url, { headers: { 'x-large': 'x'.repeat(17_000) } })
  assert.equal(tooLarge.status, 431)
  assert.match(tooLarge.headers.get('warning') ?? '', /asks nobody/)
  assert.match(((await tooLarge.json()) as { warning: string }).warning, /asks nobody/)
})

test('https with a certificate of its own, which is renewed without a restart', async () => {
  const [first, second] = [mkdtempSync(join(folder, 'a-')), mkdtempSync(join(folder, 'b-'))]
  makeCerts(first)
  makeCerts(second)
  const tls = { cert: join(first, 'server.crt'), key: join(first, 'server.key') }
  const { port, server } = await start(`tls: { cert: ${tls.cert}, key: ${tls.key} }\n`)
  assert.ok(server instanceof Server)
  const status = (ca: string) =>
    new Promise<number | string>((resolve) => {
      const trusted = { ca: readFileSync(join(ca, 'ca.crt')), agent: false, path: '/healthz' }
      request({ host: '127.0.0.1', port, ...trusted }, (response) => resolve(response.resume().statusCode ?? 0))
        .on('error', (error) => resolve(error.message))
        .end()
    })
  assert.equal(await status(first), 200)
  assert.match(await oldProtocol(port), /protocol|alert/i)
  const stop = renewTls(tls, server, { warn: () => undefined, everyMs: 20 })
  for (const name of ['server.crt', 'server.key']) copyFileSync(join(second, name), join(first, name))
  const end = performance.now() + 10_000
  while ((await status(second)) !== 200) assert.ok(performance.now() < end, 'the new certificate was never served')
  stop()
  assert.notEqual(await status(first), 200)
})

/** What a client of TLS 1.1 is told. */
function oldProtocol(port: number): Promise<string> {
  return new Promise((resolve) => {
    const options = { port, rejectUnauthorized: false, minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1' } as const
    const socket: TLSSocket = connect({ host: '127.0.0.1', ...options }, () => resolve('it was taken'))
    socket.on('error', (error) => resolve(error.message))
  })
}

test('a certificate and a key that do not belong together stop the start', async () => {
  const [one, other] = [mkdtempSync(join(folder, 'c-')), mkdtempSync(join(folder, 'd-'))]
  makeCerts(one)
  makeCerts(other)
  const yaml = `tls: { cert: ${join(one, 'server.crt')}, key: ${join(other, 'server.key')} }\n`
  await assert.rejects(start(yaml), { code: 'CONFIG_INVALID' })
})
