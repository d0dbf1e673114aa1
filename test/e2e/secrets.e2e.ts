/**
 * Distinct secrets wherever mgo can be given one, deploys that work and deploys that fail in every way that quotes what
 * it was given; then a search through everything that came out (S20 of the attack matrix).
 *
 * @module
 */
import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { filesBelow, hitsIn, type Out, watchArguments } from '../canaries.ts'
import { git, makeBare, startGitServer } from '../git-server.ts'
import { call, chart, makeMgo } from '../mgo.ts'
import { startRig } from '../rig/rig.ts'

const secret = {
  gitPassword: 'git-pw-5f1c9e7a',
  kubeToken: '',
  environment: 'env-key-77aa01bc',
  slack: 'slack-path-0d3e9b44',
  collector: 'otlp-key-a1b2c3d4',
  valuesPassword: 'values-pw-9c8b7a6d',
  license: 'licence of/1f2e3d4c',
  stringData: 'string data/6b5a4c3d',
  data: 'data-value-2a3b4c5d',
  invalidBase64: 'no!base64-4d3c2b1a',
  lastApplied: 'last-applied-8e7f6a5b',
  brokenFile: 'broken-file-3c2d1e0f',
}

/** Everything that came out, by where. */
const out: Out = new Map()
const keep = (where: string, text: string) => void out.set(where, `${out.get(where) ?? ''}\n${text}`)

const templates = `${chart['charts/shop/templates/all.yaml'] ?? ''}---
apiVersion: v1
kind: Secret
metadata: { name: {{ .Release.Name }} }
stringData: { password: {{ .Values.db.password | quote }}, license: {{ .Values.license | quote }} }
{{- if eq .Values.image.tag "boom" }}{{ fail (printf "cannot use %s nor %s" .Values.db.password .Values.license) }}{{ end }}
{{- if eq .Values.image.tag "odd" }}
---
apiVersion: v1
kind: ConfigMap
metadata: { name: {{ .Release.Name }}-odd, labels: { license: {{ .Values.license | quote }} } }
{{- end }}
`
const header = `__mygitops:
  chart: ./charts/shop
  namespace: shop
  images:
    github.com/acme/web: &img { repository: localhost:5000/acme/web, tag: v1 }
image: *img
`
const files = {
  ...chart,
  'charts/shop/templates/all.yaml': templates,
  'mygitops.yaml': 'notification: { slack: { channel: "#x" } }\nclusters: { broken: { context: prod } }\n',
  'installations/prod/web-values.yaml': `${header}db: { user: web, password: ${secret.valuesPassword} }\n`,
  'installations/prod/web-secrets.yaml': `license: "${secret.license}"\n`,
  'installations/prod/keys-raw.yaml': `apiVersion: v1
kind: Secret
metadata: { name: keys, namespace: default }
data: { plain: ${Buffer.from(secret.data).toString('base64')} }
`,
  'installations/broken/odd-raw.yaml': `apiVersion: v1
kind: Secret
metadata: { name: odd, namespace: default }
stringData: { token: "${secret.stringData}" }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: odd, namespace: default, labels: { token: "${secret.stringData}" } }
`,
  'installations/broken/base-raw.yaml': `apiVersion: v1
kind: Secret
metadata: { name: base, namespace: default }
data: { bad: "${secret.invalidBase64}" }
`,
  'installations/broken/syntax-values.yaml': `${header}db: { password: "${secret.brokenFile} }\n`,
}

const root = mkdtempSync(join(tmpdir(), 'mgo-secrets-'))
const rig = await startRig({ name: 'prod' })
const server = await startGitServer()
server.requireLogin('mgo', secret.gitPassword)
const bare = makeBare(server.root, 'gitops.git', files)

/** Slack and the collector: what they are told came out, too. */
const listener = createServer((request, response) => {
  request.on('data', (chunk: Buffer) => keep('slack and collector', chunk.toString()))
  request.on('end', () => response.end('{}'))
})
await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
const loopback = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`

const kubectl = (...args: readonly string[]) =>
  call(join(rig.bin, 'kubectl'), ['--kubeconfig', rig.kubeconfig, ...args])
for (const args of [
  ['create', 'serviceaccount', 'mgo', '--namespace', 'kube-system'],
  ['create', 'clusterrolebinding', 'mgo', '--clusterrole', 'cluster-admin', '--serviceaccount', 'kube-system:mgo'],
])
  assert.equal((await kubectl(...args)).code, 0)
secret.kubeToken = (await kubectl('create', 'token', 'mgo', '--namespace', 'kube-system')).stdout.trim()
const config = JSON.parse(readFileSync(rig.kubeconfig, 'utf8')) as { users: unknown }
config.users = [{ name: 'prod', user: { token: secret.kubeToken } }]
const kubeconfig = join(root, 'kubeconfig')
writeFileSync(kubeconfig, JSON.stringify(config), { mode: 0o600 })

const old = `apiVersion: v1
kind: Secret
metadata: { name: keys, namespace: default }
stringData: { before: ${secret.lastApplied} }
`
writeFileSync(join(root, 'old.yaml'), old)
assert.equal((await kubectl('apply', '-f', join(root, 'old.yaml'))).code, 0)

const temporary = join(root, 'tmp')
mkdirSync(temporary)
const surroundings = {
  repo: server.url('gitops.git', { user: 'mgo', password: secret.gitPassword }),
  kubeconfig,
  env: {
    TMPDIR: temporary,
    AWS_SECRET_ACCESS_KEY: secret.environment,
    MGO_SLACK_WEBHOOK: `${loopback}/${secret.slack}`,
    OTEL_EXPORTER_OTLP_ENDPOINT: loopback,
    OTEL_EXPORTER_OTLP_HEADERS: `x-key=${secret.collector}`,
  },
}
/** What the two helms say of an error, and where they put what they were given, differs. */
const helms = ['helm3', 'helm4'].map((helm) => ({
  helm,
  mgo: makeMgo({ ...surroundings, helm: join(rig.bin, helm) }),
}))

const watching = watchArguments()

after(async () => {
  watching.stop()
  listener.close()
  await server.close()
  await rig.stop()
  for (const { mgo } of helms) mgo.remove()
  rmSync(root, { recursive: true, force: true })
})

async function ask(url: string, method = 'GET', body?: unknown): Promise<string> {
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(url, { method, ...(body === undefined ? {} : { headers, body: JSON.stringify(body) }) })
  const text = await answer.text()
  keep('answers', text)
  return text
}

const image = (tag: string) => ({
  cluster: 'prod',
  source: 'github.com/acme/web',
  image: `localhost:5000/acme/web:${tag}`,
})

for (const { helm, mgo } of helms) {
  test(`S20: through the server with ${helm}: deploys that work, and that fail in helm and at the API server`, async () => {
    const service = await mgo.serve('--log-level', 'debug')
    const deploys = `${service.url}/v1/deploys?wait=60s`
    const author = 'Ada <ada@example.com>'
    assert.match(await ask(deploys, 'POST', { ...image('v2'), author }), /"verdict":"healthy"/)
    assert.match(
      await ask(deploys, 'POST', { ...image('boom'), author }),
      /CHART_INVALID.*\*\*\*|\*\*\*.*CHART_INVALID/,
    )
    assert.match(await ask(deploys, 'POST', { ...image('odd'), author }), /"verdict":"failed"/)
    await ask(`${service.url}/deploy`, 'POST', image('v3'))
    // The git server repeats the password that it was given.
    const hook = join(bare, 'hooks', 'pre-receive')
    writeFileSync(hook, `#!/bin/sh\necho "no, ${secret.gitPassword} may not" >&2\nexit 1\n`)
    chmodSync(hook, 0o755)
    assert.match(await ask(deploys, 'POST', { ...image('v4'), author }), /GIT_REFUSED/)
    rmSync(hook)
    const routes = ['/v1/clusters/prod/releases', '/v1/clusters/prod/plan', '/metrics', '/v1/audit', '/readyz', '/']
    for (const path of routes) await ask(`${service.url}${path}`)
    assert.equal(await service.stop(), 0)
    keep('the log', service.log())
    assert.match(service.log(), /"event":"finished"/)
  })

  test(`S20: at the command line with ${helm}: every command that reads them`, async () => {
    const run = async (...args: readonly string[]): Promise<string> => {
      const { stdout, stderr } = await mgo.run(...args)
      keep('command line', `${stdout}\n${stderr}`)
      return `${stdout}\n${stderr}`
    }
    assert.match(await run('sync', '--cluster', 'prod', '--debug'), /"kind":"finished"/)
    const broken = await run('sync', '--cluster', 'broken', '-o', 'json')
    assert.match(broken, /Invalid value/)
    assert.match(broken, /base64/)
    assert.match(broken, /syntax-values\.yaml/)
    await run('validate')
    await run('diff', '--cluster', 'prod')
    await run('diff', '--cluster', 'broken')
    await run('status', '--cluster', 'prod')
    await run('why', 'shop/web', '--cluster', 'prod')
    await run('audit')
    git(bare, 'update-ref', 'refs/heads/side', 'main')
    await run('sync', '--cluster', 'prod', '--branch', 'none')
  })
}

test('S20: not one of them is anywhere', () => {
  keep('arguments of processes', watching.stop())
  keep('the commits', git(bare, 'log', '--all', '--format=fuller'))
  for (const { path, text } of [...helms.flatMap(({ mgo }) => filesBelow(mgo.state)), ...filesBelow(temporary)])
    keep(path, text)
  const journal = [...out.keys()].filter((where) => where.endsWith('journal.sqlite'))
  assert.equal(journal.length, helms.length)
  assert.deepEqual(hitsIn(out, secret), [])
  for (const where of ['answers', 'command line', 'the log', 'slack and collector', 'arguments of processes'])
    assert.ok((out.get(where) ?? '').length > 200, where)
})
