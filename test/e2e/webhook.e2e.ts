/**
 * Hooks of a server as its users run it: its own process, its settings in a file, its secrets in the environment, a real
 * gitops repo, a registry on loopback. No cluster: deploys are committed, and the one that is followed is rendered.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { git, makeBare, put } from '../git-server.ts'
import { makeMgo, type Server } from '../mgo.ts'
import { password, startRegistry } from '../registry-server.ts'

const registry = await startRegistry()
registry.login('basic')
const digest = registry.push('acme/shop', 'v1.2.0')
for (const tag of ['v1.1.0', 'v1.3.0']) registry.push('acme/shop', tag)
const image = `${registry.host}/acme/shop`

const folder = mkdtempSync(join(tmpdir(), 'mgo-hooked-'))
const repo = makeBare(folder, 'gitops', {
  'installations/prod/shop-values.yaml': `__mygitops:\n  chart: ./c\n  images:\n    github.com/acme/shop: { repository: ${image}, tag: v1.0.0 }\n`,
  'installations/drawn/net-raw.yaml': rawFile('one'),
  'mygitops.yaml': 'clusters:\n  drawn: { engine: render }\n',
})
const ids = {
  ci: 'ci-hook-id-0123456789abcdef',
  git: 'git-hook-id-0123456789abcdef',
  no: 'no-hook-id-0123456789abcdef',
}
const secret = 'the-secret-of-the-hooks-0123456789'
const config = join(folder, 'mgo.server.yaml')
writeFileSync(
  config,
  `hooks:
  ci:
    vendor: generic
    idEnv: MGO_HOOK_CI_ID
    secretEnv: MGO_HOOK_SECRET
    images:
      - repository: ${image}
        source: github.com/acme/shop
        clusters: [prod]
        tags: { semver: ">=1 <2" }
        resolve: true
  stranger:
    vendor: generic
    idEnv: MGO_HOOK_NO_ID
    secretEnv: MGO_HOOK_SECRET
    images: [{ repository: ${image}, source: github.com/acme/shop, clusters: [prod], tags: any }]
  gitops: { vendor: github, idEnv: MGO_HOOK_GIT_ID, secretEnv: MGO_HOOK_SECRET }
registries:
  ${JSON.stringify(registry.host)}: { username: robot, passwordEnv: MGO_REGISTRY_PASSWORD, plain: true }
follow: { clusters: [drawn], every: 1h }
identities: { tokens: true }
policy:
  - name: the shop
    who: { hook: ci }
    may: [deploy]
    clusters: prod
    sources: github.com/acme/shop
    images: ${JSON.stringify(image)}
`,
)
writeFileSync(join(folder, 'password'), `${password}\n`)
const env = {
  MGO_HOOK_CI_ID: ids.ci,
  MGO_HOOK_NO_ID: ids.no,
  MGO_HOOK_GIT_ID: ids.git,
  MGO_HOOK_SECRET: secret,
  MGO_REGISTRY_PASSWORD_FILE: join(folder, 'password'),
}
const mgo = makeMgo({ repo, env, stateIn: join(folder, 'state') })
const servers: Server[] = []
async function serve(...more: readonly string[]): Promise<Server> {
  const server = await mgo.serve('--config', config, ...more)
  servers.push(server)
  return server
}
after(async () => {
  for (const server of servers) await server.kill()
  await registry.close()
  mgo.remove()
  rmSync(folder, { recursive: true, force: true })
})

function rawFile(value: string): string {
  return `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: net, namespace: app }\ndata: { value: ${value} }\n`
}

type Answer = { readonly status: number; readonly body: Readonly<Record<string, unknown>>; readonly text: string }

async function send(url: string, path: string, payload: unknown): Promise<Answer> {
  const body = JSON.stringify(payload)
  const signature = `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`
  const signed = { 'x-signature-256': signature, 'x-hub-signature-256': signature, 'x-github-event': 'push' }
  const headers = { 'content-type': 'application/json', ...signed }
  const got = await fetch(`${url}/webhooks/${path}`, { method: 'POST', headers, body })
  const text = await got.text()
  return { status: got.status, body: JSON.parse(text) as Answer['body'], text }
}

async function until(done: () => boolean, what: string): Promise<void> {
  const end = performance.now() + 30_000
  while (!done()) {
    assert.ok(performance.now() < end, what)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

const commits = (): string[] =>
  git(repo, 'log', '--format=%an: %s', 'main', '--', 'installations/prod').trim().split('\n')
const pushed = (tag: string, id = `build-${tag}`) => ({ id, image: `${image}:${tag}`, by: 'Ada <ada@example.com>' })

test('a push to a registry is a commit, once, across a crash', async () => {
  const server = await serve('--commit-only')
  const first = await send(server.url, `generic/${ids.ci}`, pushed('v1.2.0'))
  assert.equal(first.status, 202, first.text)
  const [deploy] = first.body['deploys'] as { id: string; image: string; again: boolean }[]
  assert.equal(deploy?.image, `${image}:v1.2.0@${digest}`)
  await until(() => commits().length === 2, server.log())
  assert.equal(commits()[0], `hook ci: Deploy: ${image}:v1.2.0@${digest} to prod by hook ci`)
  const message = git(repo, 'log', '-1', '--format=%B', 'main')
  assert.match(message, /^Mgo-Verified-By: hook ci of generic, by hmac-sha256$/m)
  assert.match(git(repo, 'show', 'main:installations/prod/shop-values.yaml'), new RegExp(`tag: .?v1\\.2\\.0@${digest}`))

  await server.kill()
  const again = await serve('--commit-only')
  const second = await send(again.url, `generic/${ids.ci}`, pushed('v1.2.0'))
  assert.equal(second.status, 202)
  assert.deepEqual(second.body['deploys'], [{ ...deploy, again: true }])
  await again.stop()
  assert.equal(commits().length, 2)
})

test('what is no deploy is told, and what is not allowed is refused', async () => {
  const server = await serve('--commit-only')
  const cases: [path: string, payload: unknown, want: number, says: RegExp][] = [
    [`generic/${ids.ci}`, pushed('v1.1.0'), 200, /v1\.1\.0 is older than v1\.2\.0@sha256/],
    [`generic/${ids.ci}`, pushed('v2.0.0'), 200, /outside >=1 <2/],
    [`generic/${ids.ci}`, pushed('v1.9.0'), 200, /the registry has no such tag/],
    [`generic/${ids.ci}`, { image: 'acme/other:v1.0.0' }, 200, /no image of this hook/],
    [`generic/${ids.no}`, pushed('v1.3.0'), 403, /does not let hook stranger deploy/],
    [`generic/${ids.git}`, pushed('v1.3.0'), 404, /no such hook/],
    [`github/${ids.git}`, { ref: 'refs/heads/main', after: 'c' }, 200, /follows no branch/],
  ]
  for (const [path, payload, want, says] of cases) {
    const got = await send(server.url, path, payload)
    assert.equal(got.status, want, got.text)
    assert.match(got.text, says)
  }
  const token = await fetch(`${server.url}/v1/deploys`, { method: 'POST' })
  assert.equal(token.status, 401)
  await server.stop()
  assert.equal(commits().length, 2)
  for (const word of [secret, password, ...Object.values(ids)]) assert.ok(!server.log().includes(word))
})

test('a push to the gitops repo reaches the clusters that are followed, at once', async () => {
  const server = await serve()
  const drawn = (): string => {
    const branches = git(repo, 'branch', '--list', 'rendered/drawn')
    return branches.trim() === '' ? '' : git(repo, 'grep', '-h', 'value:', 'rendered/drawn')
  }
  await until(() => drawn().includes('one'), 'at the start all of them are brought')
  const work = join(folder, 'work')
  git(folder, 'clone', '--quiet', repo, work)
  put(work, { 'installations/drawn/net-raw.yaml': rawFile('two') })
  git(work, 'commit', '--quiet', '-am', 'By hand')
  git(work, 'push', '--quiet', 'origin', 'main')
  const topic = await send(server.url, `github/${ids.git}`, { ref: 'refs/heads/topic', after: 'c'.repeat(40) })
  assert.match(topic.text, /follows the branch main/)
  const got = await send(server.url, `github/${ids.git}`, { ref: 'refs/heads/main', after: 'c'.repeat(40) })
  assert.equal(got.status, 202, got.text)
  await until(() => drawn().includes('two'), server.log())
  await server.stop()
})

test('settings that cannot work are told before anything listens', async () => {
  const told = await makeMgo({ repo, env: { MGO_HOOK_CI_ID: 'short' } }).run('serve', '--config', config)
  assert.equal(told.code, 2)
  for (const says of [/the id of the hook ci can be guessed/, /the hook ci has no MGO_HOOK_SECRET/, /openssl rand/])
    assert.match(told.stderr, says)
})
