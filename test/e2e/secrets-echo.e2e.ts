/**
 * Everybody that mgo calls repeats what it was sent: API servers, a chart repository, registries, Slack, the collector. What
 * they were sent — logins of every kind — is nowhere afterwards, and neither is what callers and the server's own files
 * hold (S20). secrets.e2e.ts does the same on a real cluster, secrets-server.e2e.ts for what comes in by the doors.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { filesBelow, hitsIn, type Out, watchArguments } from '../canaries.ts'
import { chartLoginFiles } from '../chart-server.ts'
import { apiServer, askTls, denial, kubeconfigFor, type Said, startEcho } from '../echo-server.ts'
import { git, makeBare, put } from '../git-server.ts'
import { startIssuer } from '../issuer.ts'
import { chart, makeMgo, type Server, values } from '../mgo.ts'
import { binFolder } from '../rig/build.ts'
import { makeCerts } from '../rig/certs.ts'
import { script, seen } from '../seen.ts'

const root = mkdtempSync(join(tmpdir(), 'mgo-echo-'))
const [certs, temporary, work] = ['certs', 'tmp', 'work'].map((one) => join(root, one)) as [string, string, string]
for (const one of [certs, temporary]) mkdirSync(one)
makeCerts(certs)
const file = (name: string) => readFileSync(join(certs, name), 'utf8')
/** The line of a key that holds what is private in it: errors join lines, so it may not be seen alone either. */
const line = (pem: string) => pem.split('\n')[1] ?? ''

const secret = {
  tlsKey: line(file('server.key')),
  clientKey: line(file('admin.key')),
  basicPassword: 'basic-pw-1a2b3c4d5e',
  fileToken: 'file-token-2b3c4d5e6f',
  execToken: 'exec-token-3c4d5e6f7a',
  chartPassword: 'chart-pw-4d5e6f7a8b',
  registryPassword: 'registry-pw-5e6f7a8b9c',
  hookId: 'hook-id-6f7a8b9c0d1e2f3a',
  hookSecret: 'hook-secret-7a8b9c0d1e2f',
  collector: 'otlp key/8b9c0d1e2f',
  slackOfRepo: 'slack-repo-9c0d1e2f3a',
  slackOfSettings: 'slack-own-0d1e2f3a4b',
  slackMisspelt: 'slack-wrong-1e2f3a4b5c',
  wrongPassword: 'wrong-pw-2f3a4b5c6d',
  packedLogin: 'YWRhOmJhc2ljLXB3LTFhMmIzYzRkNWU',
  token: '',
  validIdentity: '',
  expiredIdentity: '',
}

const out: Out = new Map()
const keep = (where: string, text: string) => void out.set(where, `${out.get(where) ?? ''}\n${text}`)

const tls = { cert: file('server.crt'), key: file('server.key'), ca: file('ca.crt'), requestCert: true }
const api = await startEcho({ tls: { ...tls, rejectUnauthorized: false }, ...apiServer })
const charts = await startEcho()
const registry = await startEcho({ challenge: 'Basic realm="x"', shape: denial })
const listener = await startEcho({ status: 400 })
const issuer = await startIssuer('https://mgo.example.com')

/** A program that writes down its surroundings and goes on. */
function noted(name: string, then: string): string {
  const program = join(root, name)
  script(program, `env >> '${root}/${name}.env'\n${then}`)
  return program
}
const credential = { apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential' }
const login = noted('login', `echo '${JSON.stringify({ ...credential, status: { token: secret.execToken } })}'`)
writeFileSync(join(root, 'token'), secret.fileToken)
const users = {
  certs: { 'client-certificate': join(certs, 'admin.crt'), 'client-key': join(certs, 'admin.key') },
  basic: { username: 'ada', password: secret.basicPassword },
  file: { tokenFile: 'token' },
  exec: { exec: { apiVersion: credential.apiVersion, command: login, interactiveMode: 'Never' } },
}
const clusters = Object.keys(users)
writeFileSync(join(root, 'kubeconfig'), kubeconfigFor(api, 'certs/ca.crt', users))

const slackAt = (path: string) => `http://${listener.host}/${path}`
const repositories = `helm: { repositories: [{ name: web, url: "http://${charts.host}/x" }, { name: oci, url: "oci://${registry.host}/x" }] }\n`
const notices = (key: string, path: string) =>
  `notification: { slack: { channel: "#x", ${key}: "${slackAt(path)}" } }\n`
const contexts = 'clusters: { http: { context: certs }, oci: { context: certs } }\n'
const image = `${registry.host}/acme/web`
const release = values('web').replace('localhost:5000/acme/web', image)
const pulled = (from: string) => release.replace('./charts/shop', `${from}/shop\n  version: "1.0.0"`)
const bare = makeBare(root, 'gitops.git', {
  ...chart,
  'mygitops.yaml': repositories + notices('webhookurl', secret.slackOfRepo) + contexts,
  ...Object.fromEntries(clusters.map((one) => [`installations/${one}/web-values.yaml`, release])),
  'installations/http/web-values.yaml': pulled('web'),
  'installations/oci/web-values.yaml': pulled('oci'),
  'installations/file/odd-raw.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: odd, namespace: shop }\n',
})

const config = join(root, 'mgo.server.yaml')
const settings = (more = '') => `identities:
  tokens: true
  issuers: { ci: { issuer: "${issuer.url}", audience: "https://mgo.example.com" } }
policy:
  - { name: jobs, who: { issuer: ci, claims: { sub: "repo:acme/web:**" } }, may: [deploy, read], clusters: "**", sources: "**", images: "**" }
  - { name: pushes, who: { hook: shop }, may: [deploy], clusters: "**", sources: "**", images: "**" }
hooks:
  shop:
    { vendor: generic, idEnv: SHOP_ID, secretEnv: SHOP_PROOF, images: [{ repository: "${image}", source: github.com/acme/web, clusters: [certs], tags: any, resolve: true }] }
registries: { "${registry.host}": { username: robot, passwordEnv: SHOP_PULL, plain: true } }
tls: { cert: certs/server.crt, key: certs/server.key }
traces: { endpoint: "http://${listener.host}" }
limits: { registryPatience: 1 }
${more}`
writeFileSync(config, settings())

const mgo = makeMgo({
  repo: bare,
  kubeconfig: join(root, 'kubeconfig'),
  helm: noted('helm', `exec '${binFolder()}'/"$(cat '${join(root, 'which')}')" "$@"`),
  env: {
    ...chartLoginFiles(root, { url: `http://${charts.host}/x`, host: registry.host }, secret.chartPassword),
    TMPDIR: temporary,
    MGO_CONFIG: config,
    MGO_HELM_PLAIN_HTTP: registry.host,
    SHOP_ID: secret.hookId,
    SHOP_PROOF: secret.hookSecret,
    SHOP_PULL: secret.registryPassword,
    OTEL_EXPORTER_OTLP_HEADERS: `x-key=${encodeURIComponent(secret.collector)}`,
  },
})
const use = (helm: string) => writeFileSync(join(root, 'which'), helm)
use('helm4')
let server: Server
const watching = watchArguments()
after(async () => {
  watching.stop()
  await server.kill()
  for (const one of [api, charts, registry, listener, issuer]) await one.close()
  mgo.remove()
  rmSync(root, { recursive: true, force: true })
})

type Asked = { readonly body?: unknown; readonly more?: Readonly<Record<string, string>> }
const basic = (password: string) => `Basic ${Buffer.from(`ci:${password}`).toString('base64')}`

async function ask(path: string, authorization: string, { body, more = {} }: Asked = {}): Promise<Said> {
  const headers = { 'content-type': 'application/json', authorization, ...more }
  const said = await askTls(`${server.url}${path}`, { headers, ca: file('ca.crt'), body })
  keep('answers', `${JSON.stringify(said.headers)} ${said.text}`)
  return said
}
async function run(...args: readonly string[]): Promise<string> {
  const { stdout, stderr } = await mgo.run(...args)
  keep('command line', `${stdout}\n${stderr}`)
  return `${stdout}\n${stderr}`
}
const wish = (cluster: string, tag: string) => ({
  body: { cluster, source: 'github.com/acme/web', image: `${image}:${tag}` },
})
async function reread(next: string, says: RegExp): Promise<void> {
  writeFileSync(config, next)
  const before = server.log().length
  process.kill(server.pid, 'SIGHUP')
  await seen(() => says.test(server.log().slice(before)))
}

function change(key: string, path: string): void {
  git(work, 'pull', '--quiet')
  put(work, { 'mygitops.yaml': repositories + notices(key, path) + contexts })
  git(work, 'commit', '--quiet', '--all', '--message', 'Say where Slack is')
  git(work, 'push', '--quiet')
}

async function deployEverywhere(tag: string): Promise<void> {
  for (const cluster of [...clusters, 'http', 'oci']) {
    const said = await ask('/v1/deploys?wait=30s', basic(secret.token), wish(cluster, tag))
    // Helm repeats nothing of what a repository with an index says.
    assert.match(said.text, cluster === 'http' ? /403 Forbidden/ : /you sent/, cluster)
    for (const what of ['plan', 'releases']) await ask(`/v1/clusters/${cluster}/${what}`, basic(secret.token))
  }
}

test('S20: deploys whose every call is answered with what it sent', async () => {
  const create = 'token create --name ops --expires 1h --scope'.split(' ')
  const made = await mgo.run(...create, 'admin cluster=** source=** image=**')
  secret.token = made.stdout.split('\n')[0] ?? ''
  secret.validIdentity = await issuer.sign()
  secret.expiredIdentity = await issuer.sign({ exp: Math.floor(Date.now() / 1000) - 3_600 })
  await run('serve', '--check-config', '--online')
  server = await mgo.serve('--log-level', 'debug')
  await deployEverywhere('v2')
  assert.equal((await ask('/v1/deploys?wait=30s', `Bearer ${secret.validIdentity}`, wish('certs', 'v3'))).status, 502)
  assert.equal((await ask('/v1/deploys', `Bearer ${secret.expiredIdentity}`, wish('certs', 'v4'))).status, 401)
  assert.equal((await ask('/v1/deploys', basic(secret.wrongPassword), wish('certs', 'v4'))).status, 401)
  const pushed = { id: 'one', image: `${image}:v5` }
  const proof = createHmac('sha256', secret.hookSecret).update(JSON.stringify(pushed)).digest('hex')
  await ask(`/webhooks/generic/${secret.hookId}`, '', { body: pushed, more: { 'x-signature-256': `sha256=${proof}` } })
  await seen(() => registry.heard().includes(secret.registryPassword))
  for (const path of ['/metrics', '/v1/audit', '/v1/deploys', '/v1/deliveries', '/v1/clusters', '/readyz', '/'])
    assert.equal((await ask(path, basic(secret.token))).status, 200, path)
  for (const program of ['helm', 'login'])
    keep(`environment of ${program}`, readFileSync(join(root, `${program}.env`), 'utf8'))
})

test('S20: files that are read again, with mistakes beside their secrets', async () => {
  const own = (more = '') => `slack: { webhookurl: "${slackAt(secret.slackOfSettings)}", channel: "#x"${more} }\n`
  await reread(settings(own()), /the settings were read again/)
  await ask('/v1/deploys?wait=30s', basic(secret.token), wish('certs', 'v6'))
  await seen(() => listener.heard().includes(secret.slackOfSettings))
  await reread(settings(own(', chanel: x')), /unknown key/)
  assert.match(await run('serve', '--check-config'), /unknown key "chanel"/)
  for (const cluster of ['file', 'basic', 'oci'])
    assert.match(await run('sync', '--cluster', cluster, '--debug'), /you sent/)
  git(root, 'clone', '--quiet', bare, work)
  change('webhook', secret.slackMisspelt)
  assert.match((await ask('/v1/deploys?wait=30s', basic(secret.token), wish('certs', 'v7'))).text, /unknown key/)
  writeFileSync(config, settings(own()))
  assert.match(await run('serve', '--check-config', '--online'), /unknown key/)
  assert.match(await run('validate'), /unknown key/)
  assert.equal(await server.stop(), 0)
  keep('the log', server.log())
  await run('audit')
})

test('S20: the same with helm 3', async () => {
  use('helm3')
  change('webhookurl', secret.slackOfRepo)
  server = await mgo.serve('--log-level', 'debug')
  await deployEverywhere('v8')
  assert.equal(await server.stop(), 0)
  keep('the log', server.log())
})

test('S20: they were sent where they belong, and not one of them is anywhere else', () => {
  const sent: readonly (readonly [string, readonly string[]])[] = [
    [api.heard(), [secret.basicPassword, secret.fileToken, secret.execToken]],
    [charts.heard(), [secret.chartPassword]],
    [registry.heard(), [secret.chartPassword, secret.registryPassword]],
    [listener.heard(), [secret.collector, secret.slackOfRepo, secret.slackOfSettings]],
  ]
  for (const [heard, all] of sent) for (const one of all) assert.ok(heard.includes(one), one)
  keep('arguments of processes', watching.stop())
  keep('the commits', git(bare, 'log', '--all', '--format=fuller'))
  // Of all this mgo keeps none: the gitops repo holds an address of Slack, and its mirror is packed.
  for (const { path, text } of [...filesBelow(mgo.state), ...filesBelow(temporary)]) keep(path, text)
  for (const name of ['journal.sqlite', 'tokens.sqlite']) assert.ok([...out.keys()].some((one) => one.endsWith(name)))
  for (const [name, value] of Object.entries(secret)) assert.ok(value.length > 8, name)
  for (const where of ['answers', 'command line', 'the log', 'arguments of processes', 'environment of helm'])
    assert.ok((out.get(where) ?? '').length > 200, where)
  assert.deepEqual(hitsIn(out, secret), [])
})
