/**
 * What a server with all its doors open is given — hooks, a registry’s login, static tokens, identity tokens, Slack’s address,
 * the collector’s key — is nowhere afterwards (S20). secrets.e2e.ts does the same for clusters and charts.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { filesBelow, hitsIn, type Out, watchArguments, watchEnvironments } from '../canaries.ts'
import { git, makeBare, startGitServer } from '../git-server.ts'
import { startIssuer } from '../issuer.ts'
import { makeMgo, type Server, values } from '../mgo.ts'
import { password, startRegistry } from '../registry-server.ts'

const secret = {
  gitPassword: 'git-pw-0a9b8c7d',
  sshKey: 'b3BlbnNzaC1rZXktdjEAAAAABG5vbmU',
  slack: 'slack-path-7e6f5a4b',
  collector: 'otlp-key-3c2d1e0f',
  hookId: 'hook-id-99aa88bb77cc66dd',
  hookSecret: 'hook-secret-11ee22dd33cc',
  nextSecret: 'hook-secret-44bb55aa66ff',
  registryPassword: password,
  registryToken: 'a.token.of-the-registry',
  staticToken: '',
  revokedToken: '',
  identityToken: '',
  foreignIdentity: '',
}

const out: Out = new Map()
const keep = (where: string, text: string) => void out.set(where, `${out.get(where) ?? ''}\n${text}`)

const listener = createServer((request, response) => {
  request.on('data', (chunk: Buffer) => keep('slack and collector', chunk.toString()))
  request.on('end', () => response.end('{}'))
})
await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
const loopback = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`
const audience = 'https://mgo.example.com'
const issuer = await startIssuer(audience)
const registry = await startRegistry()
registry.login('token')
const image = `${registry.host}/acme/web`
const gitServer = await startGitServer()
gitServer.requireLogin('mgo', secret.gitPassword)
const bare = makeBare(gitServer.root, 'gitops.git', {
  'installations/prod/web-values.yaml': values('web').replace('localhost:5000/acme/web', image),
})

const root = mkdtempSync(join(tmpdir(), 'mgo-canaries-'))
const temporary = join(root, 'tmp')
mkdirSync(temporary)
const config = join(root, 'mgo.server.yaml')
const settings = (more = '') => `identities:
  tokens: true
  issuers: { ci: { issuer: "${issuer.url}", audience: "${audience}" } }
policy:
  - { name: jobs, who: { issuer: ci, claims: { sub: "repo:acme/web:**" } }, may: [deploy, read], clusters: prod, sources: "**", images: "**" }
  - { name: pushes, who: { hook: shop }, may: [deploy], clusters: prod, sources: "**", images: "**" }
hooks:
  shop:
    vendor: generic
    idEnv: HOOK_ID
    secretEnv: [HOOK_SECRET, HOOK_NEXT]
    images: [{ repository: ${image}, source: github.com/acme/web, clusters: [prod], tags: any, resolve: true }]
registries: { ${JSON.stringify(registry.host)}: { username: robot, passwordEnv: REGISTRY_PASSWORD, plain: true } }
gitops: { sshKey: ssh-key, knownHosts: known-hosts }
limits: { registryPatience: 1 }
traces: { endpoint: "${loopback}" }
slack: { webhookurl: "${loopback}/${secret.slack}", channel: "#x"${more} }
`
writeFileSync(config, settings())
const key = `-----BEGIN OPENSSH PRIVATE KEY-----\n${secret.sshKey}\n-----END OPENSSH PRIVATE KEY-----\n`
writeFileSync(join(root, 'ssh-key'), key, { mode: 0o600 })
writeFileSync(join(root, 'known-hosts'), '')
writeFileSync(join(root, 'hook-secret'), `${secret.hookSecret}\n`)
const mgo = makeMgo({
  repo: gitServer.url('gitops.git', { user: 'mgo', password: secret.gitPassword }),
  env: {
    TMPDIR: temporary,
    MGO_CONFIG: config,
    HOOK_ID: secret.hookId,
    HOOK_SECRET_FILE: join(root, 'hook-secret'),
    HOOK_NEXT: secret.nextSecret,
    REGISTRY_PASSWORD: secret.registryPassword,
    OTEL_EXPORTER_OTLP_HEADERS: `x-key=${secret.collector}`,
  },
})
let server: Server
let below: ReturnType<typeof watchEnvironments>
const watching = watchArguments()
after(async () => {
  watching.stop()
  below.stop()
  await server.kill()
  listener.close()
  await issuer.close()
  await registry.close()
  await gitServer.close()
  mgo.remove()
  rmSync(root, { recursive: true, force: true })
})

type Said = { readonly status: number; readonly text: string }
async function ask(path: string, bearer = '', body?: unknown): Promise<Said> {
  const headers = {
    'content-type': 'application/json',
    ...(bearer === '' ? {} : { authorization: `Bearer ${bearer}` }),
  }
  const init = body === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify(body) }
  const answer = await fetch(`${server.url}${path}`, init)
  const text = await answer.text()
  keep('answers', text)
  return { status: answer.status, text }
}
async function push(tag: string, more: object = {}, by = secret.hookSecret): Promise<Said> {
  const body = JSON.stringify({ id: `build-${tag}`, image: `${image}:${tag}`, ...more })
  const signature = `sha256=${createHmac('sha256', by).update(body).digest('hex')}`
  const headers = { 'content-type': 'application/json', 'x-signature-256': by === '' ? secret.hookSecret : signature }
  const answer = await fetch(`${server.url}/webhooks/generic/${secret.hookId}`, { method: 'POST', headers, body })
  const text = await answer.text()
  keep('answers', text)
  return { status: answer.status, text }
}
/** Reads all events while they happen, until the server goes. */
async function hear(): Promise<void> {
  const headers = { authorization: `Bearer ${secret.staticToken}` }
  const { body, status } = await fetch(`${server.url}/v1/events`, { headers })
  assert.equal(status, 200)
  const read = async () => {
    for await (const chunk of body ?? []) keep('live events', Buffer.from(chunk).toString())
  }
  // It ends as the server does, in the middle or not.
  void read().catch(() => undefined)
}
async function run(...args: readonly string[]): Promise<string> {
  const { stdout, stderr } = await mgo.run(...args)
  return `${stdout}\n${stderr}`
}
const wish = (tag: string) => ({ cluster: 'prod', source: 'github.com/acme/web', image: `${image}:${tag}` })

test('S20: every door is used, rightly and wrongly', async () => {
  const admin = 'admin cluster=** source=** image=**'
  // The token is printed this once; everything else that the command says is searched.
  const create = async (name: string) =>
    (await run('token', 'create', '--name', name, '--expires', '1h', '--scope', admin)).split('\n')[0] ?? ''
  secret.staticToken = await create('ops')
  secret.revokedToken = await create('gone')
  secret.identityToken = await issuer.sign()
  secret.foreignIdentity = await issuer.sign({ aud: 'https://else.example.com' })
  keep('command line', await run('token', 'revoke', 'gone'))
  keep('command line', await run('token', 'list'))
  keep('command line', await run('serve', '--check-config'))
  server = await mgo.serve('--commit-only', '--log-level', 'debug')
  below = watchEnvironments(server.pid)
  await hear()
  for (const tag of ['v2', 'v3', 'v4', 'v5']) registry.push('acme/web', tag)
  assert.equal((await push('v2')).status, 202)
  assert.equal((await push('v3', { by: `Ada ${secret.hookSecret} <ada@example.com>` }, secret.nextSecret)).status, 202)
  assert.equal((await push('v4', {}, 'something else')).status, 401)
  assert.equal((await push('v4', {}, '')).status, 401)
  registry.fault('broken', 1_000)
  assert.match((await push('v5')).text, /"waiting":\[/)
  const { deliveries } = JSON.parse((await ask('/v1/deliveries', secret.staticToken)).text) as {
    deliveries: { id: string }[]
  }
  assert.equal(deliveries.length, 1)
  const stranger = await issuer.sign({ sub: 'repo:acme/other:ref:refs/heads/main' })
  assert.equal(
    (await ask(`/v1/deliveries/${deliveries[0]?.id}`, stranger)).status,
    404,
    'whoever may not read it sees none',
  )
  assert.equal((await ask('/v1/deliveries', stranger)).text, '{"deliveries":[]}')
  registry.login('token', 'http://127.0.0.1:9/token')
  await new Promise((resolve) => setTimeout(resolve, 4_000))
  assert.equal((await ask('/v1/deploys?wait=20s', secret.staticToken, wish('v6'))).status, 200)
  assert.equal((await ask('/v1/deploys?wait=20s', secret.identityToken, wish('v7'))).status, 200)
  assert.equal((await ask('/v1/deploys', secret.foreignIdentity, wish('v8'))).status, 401)
  assert.equal((await ask('/v1/deploys', secret.revokedToken, wish('v8'))).status, 401)
  assert.equal((await ask('/v1/audit', secret.identityToken)).status, 403)
  issuer.outage(true)
  await ask('/v1/deploys', await issuer.sign({ sub: 'x' }, { kid: 'another' }), wish('v8'))
  // A git server that repeats what it was given.
  const hook = join(bare, 'hooks', 'pre-receive')
  writeFileSync(hook, `#!/bin/sh\necho "no, ${secret.gitPassword} may not" >&2\nexit 1\n`, { mode: 0o755 })
  assert.match((await ask('/v1/deploys?wait=20s', secret.staticToken, wish('v9'))).text, /GIT_REFUSED/)
  for (const path of ['/metrics', '/v1/audit', '/v1/deliveries', '/v1/deploys', '/readyz', '/'])
    assert.equal((await ask(path, secret.staticToken)).status, 200, path)
})

test('S20: a settings file with a mistake beside a secret', async () => {
  writeFileSync(config, settings(', chanel: x'))
  const before = server.log().length
  process.kill(server.pid, 'SIGHUP')
  for (const end = performance.now() + 20_000; !/unknown key/.test(server.log().slice(before)); ) {
    assert.ok(performance.now() < end, server.log())
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  const checked = await run('serve', '--check-config')
  assert.match(checked, /unknown key "chanel"/)
  keep('command line', checked)
  writeFileSync(config, settings())
})

test('S20: not one of them is anywhere', async () => {
  assert.equal(await server.stop(), 0)
  keep('the log', server.log())
  keep('command line', await run('audit'))
  keep('arguments of processes', watching.stop())
  const environments = below.stop()
  assert.ok(environments.size > 0)
  // Git needs its password, and nothing else; nobody else needs that.
  const { gitPassword: _, ...others } = secret
  for (const [where, text] of environments)
    assert.deepEqual(hitsIn(new Map([[where, text]]), where.includes('git') ? others : secret), [])
  keep('the commits', git(bare, 'log', '--all', '--format=%an %ae %B'))
  for (const { path, text } of [...filesBelow(mgo.state), ...filesBelow(temporary)]) keep(path, text)
  assert.ok([...out.keys()].some((where) => where.endsWith('journal.sqlite')))
  assert.ok([...out.keys()].some((where) => where.endsWith('tokens.sqlite')))
  assert.deepEqual(hitsIn(out, secret), [])
  for (const [name, value] of Object.entries(secret)) assert.ok(value.length > 8, name)
  for (const where of [
    'answers',
    'command line',
    'the log',
    'slack and collector',
    'live events',
    'arguments of processes',
  ])
    assert.ok((out.get(where) ?? '').length > 200, where)
})
