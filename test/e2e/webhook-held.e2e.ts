/**
 * A registry that is away while its pushes arrive: they are kept, survive kill -9, and each ends in exactly one outcome.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { git, makeBare } from '../git-server.ts'
import { makeMgo, type Server } from '../mgo.ts'
import { startRegistry } from '../registry-server.ts'

const registry = await startRegistry()
const image = `${registry.host}/acme/shop`
const folder = mkdtempSync(join(tmpdir(), 'mgo-held-'))
const repo = makeBare(folder, 'gitops', {
  'installations/prod/shop-values.yaml': `__mygitops:\n  chart: ./c\n  images:\n    github.com/acme/shop: { repository: ${image}, tag: v0.0.1 }\n`,
})
const ids = { any: 'any-hook-id-0123456789abcdef', semver: 'semver-hook-id-0123456789abcdef' }
const secret = 'the-secret-of-the-hooks-0123456789'
const config = join(folder, 'mgo.server.yaml')
const hook = (name: string, tags: string) => `  ${name}:
    vendor: generic
    idEnv: HOOK_${name.toUpperCase()}
    secretEnv: HOOK_SECRET
    images: [{ repository: ${image}, source: github.com/acme/shop, clusters: [prod], tags: ${tags}, resolve: true }]
`
const settings = (patience: number) => `hooks:
${hook('any', 'any')}${hook('semver', '{ semver: ">=1" }')}registries: { ${JSON.stringify(registry.host)}: { plain: true } }
limits: { registryPatience: ${patience} }
`
writeFileSync(config, settings(600))
const env = { HOOK_ANY: ids.any, HOOK_SEMVER: ids.semver, HOOK_SECRET: secret }
const mgo = makeMgo({ repo, env, stateIn: join(folder, 'state') })
let server: Server
const serve = async () => {
  server = await mgo.serve('--commit-only', '--config', config)
}
after(async () => {
  await server.kill()
  await registry.close()
  mgo.remove()
  rmSync(folder, { recursive: true, force: true })
})

type Held = {
  readonly id: string
  readonly status: string
  readonly image: string
  readonly request?: string
  readonly code?: string
  readonly by?: string
}
type Answer = { readonly status: number; readonly waiting?: readonly Held[]; readonly deploys?: readonly Held[] }

async function push(hookId: string, tag: string): Promise<Answer> {
  const body = JSON.stringify({ id: `build-${tag}`, image: `${image}:${tag}` })
  const signature = `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`
  const headers = { 'content-type': 'application/json', 'x-signature-256': signature }
  const got = await fetch(`${server.url}/webhooks/generic/${hookId}`, { method: 'POST', headers, body })
  return { ...((await got.json()) as Answer), status: got.status }
}
const read = async <T>(path: string) => (await (await fetch(`${server.url}${path}`)).json()) as T
const delivery = (id = '') => read<Held>(`/v1/deliveries/${id}`)

async function outcome(id = ''): Promise<Held> {
  for (const end = performance.now() + 60_000; ; ) {
    const found = await delivery(id).catch(() => undefined)
    if (found !== undefined && found.status !== 'waiting') return found
    assert.ok(performance.now() < end, `${id} waits still:\n${server.log()}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
const commitsOf = (id = '') => git(repo, 'log', '--format=%B', 'main').split(`\nMgo-Request: ${id}\n`).length - 1
const settled = (id = '') => read<{ readonly verdict?: string }>(`/v1/deploys/${id}?wait=30s`)

/** A push that the registry cannot say the digest of. */
async function heldPush(hookId: string, tag: string): Promise<Held> {
  const answer = await push(hookId, tag)
  assert.equal(answer.status, 202, JSON.stringify(answer))
  const [held] = answer.waiting ?? []
  assert.ok(held !== undefined && held.status === 'waiting', JSON.stringify(answer))
  return held
}

test('a push is kept while the registry is away, over kill -9, and becomes one deploy at its digest', async () => {
  await serve()
  const digest = registry.push('acme/shop', 'v1.0.0')
  registry.fault('broken', 10_000)
  const held = await heldPush(ids.semver, 'v1.0.0')
  assert.equal((await heldPush(ids.semver, 'v1.0.0')).id, held.id, 'the vendor sends it again')
  await server.kill()
  await serve()
  assert.equal((await delivery(held.id)).status, 'waiting')
  assert.equal(git(repo, 'rev-list', '--count', 'main').trim(), '1')
  registry.fault('broken', 0)
  const end = await outcome(held.id)
  assert.deepEqual([end.status, end.image], ['accepted', `${image}:v1.0.0@${digest}`])
  await settled(end.request)
  assert.equal(commitsOf(end.request), 1)
  const again = await push(ids.semver, 'v1.0.0')
  assert.equal(again.deploys?.[0]?.id, end.request, 'the vendor sends it once more, and hears of the same deploy')
})

test('whenever the server is killed, each push has one outcome, each deploy one commit, and the last one wins', async () => {
  const tags = Array.from({ length: 6 }, (_, i) => `b${i}`)
  for (const tag of tags) registry.push('acme/shop', tag)
  registry.fault('broken', 10_000)
  const all: Held[] = []
  for (const tag of tags) all.push(await heldPush(ids.any, tag))
  registry.fault('broken', 0)
  for (let turn = 0; turn < 4; turn++) {
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 900))
    await server.kill()
    await serve()
  }
  const ends: Held[] = []
  for (const { id } of all) ends.push(await outcome(id))
  assert.deepEqual(
    ends.map(({ status }) => status),
    tags.map(() => 'accepted'),
  )
  for (const { request } of ends) {
    await settled(request)
    assert.ok(commitsOf(request) <= 1, `${request}`)
  }
  assert.equal(new Set(ends.map(({ request }) => request)).size, tags.length)
  assert.match(git(repo, 'show', 'main:installations/prod/shop-values.yaml'), /tag: .?b5@sha256/)
})

test('a push that somebody overtook undoes nothing', async () => {
  registry.push('acme/shop', 'old')
  registry.fault('broken', 10_000)
  const held = await heldPush(ids.any, 'old')
  const body = JSON.stringify({
    cluster: 'prod',
    source: 'github.com/acme/shop',
    image: `${image}:new`,
    author: 'Ada <ada@example.com>',
  })
  const headers = { 'content-type': 'application/json' }
  const deploy = await fetch(`${server.url}/v1/deploys?wait=30s`, { method: 'POST', headers, body })
  const { id } = (await deploy.json()) as { readonly id: string }
  registry.fault('broken', 0)
  const end = await outcome(held.id)
  assert.deepEqual([end.status, end.by], ['superseded', id])
  assert.match(git(repo, 'show', 'main:installations/prod/shop-values.yaml'), /tag: .?new/)
})

test('a registry that stays away: the push is given up at its deadline, with the cause, and told once', async () => {
  writeFileSync(config, settings(2))
  process.kill(server.pid, 'SIGHUP')
  while (!server.log().includes('were read again')) await new Promise((resolve) => setTimeout(resolve, 20))
  registry.push('acme/shop', 'v3.0.0')
  registry.fault('broken', 10_000)
  const held = await heldPush(ids.semver, 'v3.0.0')
  const end = await outcome(held.id)
  assert.deepEqual([end.status, end.code], ['failed', 'REGISTRY_UNREACHABLE'])
  const { entries } = await read<{ readonly entries: readonly { readonly entry: string }[] }>('/v1/audit')
  const given = entries
    .map(({ entry }) => JSON.parse(entry) as Record<string, unknown>)
    .find(({ id }) => id === held.id)
  assert.deepEqual(
    [given?.['kind'], given?.['outcome'], given?.['code'], given?.['image']],
    ['push', 'failed', 'REGISTRY_UNREACHABLE', `${registry.host}/acme/shop:v3.0.0`],
  )
  const { deliveries } = await read<{ readonly deliveries: readonly Held[] }>('/v1/deliveries')
  assert.equal(deliveries.filter(({ id }) => id === held.id).length, 1)
  // Sent again by hand, it has another chance.
  registry.fault('broken', 0)
  assert.equal((await push(ids.semver, 'v3.0.0')).deploys?.length, 1)
  assert.equal(server.log().match(/is given up/g)?.length, 1)
  assert.equal(await server.stop(), 0)
})
