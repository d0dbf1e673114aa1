/**
 * SIGHUP: other settings count while the server runs, or none of them. And what stands between a flood and a hook.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { makeBare } from '../git-server.ts'
import { makeMgo, type Server, values } from '../mgo.ts'

const root = mkdtempSync(join(tmpdir(), 'mgo-reload-'))
const repo = makeBare(root, 'repo.git', { 'installations/prod/web-values.yaml': values('web') })
const [id, secret] = ['an-id-that-nobody-guesses-1', 'the secret of the hook ci']
const file = join(root, 'mgo.server.yaml')
const mgo = makeMgo({ repo, env: { MGO_CONFIG: file, HOOK_ID: id, HOOK_SECRET: secret } })
const all = { listen: '127.0.0.1:1', sources: '"**"', images: '"**"' }

/** A policy by which the token ci may deploy to these clusters. */
const settings = (clusters: string, more = '') => `identities: { tokens: true }
policy:
  - { name: to ${clusters}, who: { token: ci }, may: [deploy], clusters: [${clusters}], sources: ${all.sources}, images: ${all.images} }
  - { name: people, who: { token: ops }, may: [admin], clusters: "**", sources: ${all.sources}, images: ${all.images} }
${more}`
const hook = `  - { name: pushes, who: { hook: ci }, may: [deploy], clusters: prod, sources: ${all.sources}, images: ${all.images} }
hooks:
  ci:
    vendor: generic
    idEnv: HOOK_ID
    secretEnv: HOOK_SECRET
    images: [{ repository: localhost:5000/acme/web, source: github.com/acme/web, clusters: [prod], tags: any }]
`

let server: Server
const tokens: Record<string, string> = {}
before(async () => {
  writeFileSync(file, settings('prod'))
  for (const name of ['ci', 'ops'])
    tokens[name] = (await mgo.run('token', 'create', '--name', name, '--expires', '1h')).stdout.trim()
  server = await mgo.serve('--commit-only')
})
after(async () => {
  await server.stop()
  mgo.remove()
  rmSync(root, { recursive: true, force: true })
})

const send = async (path: string, init: RequestInit = {}) => {
  const response = await fetch(`${server.url}${path}`, init)
  return { status: response.status, after: response.headers.get('retry-after'), text: await response.text() }
}
const deploy = (tag: string, cluster = 'prod') =>
  send('/v1/deploys?wait=20s', {
    method: 'POST',
    headers: { authorization: `Bearer ${tokens['ci']}`, 'content-type': 'application/json' },
    body: JSON.stringify({ cluster, source: 'github.com/acme/web', image: `localhost:5000/acme/web:${tag}` }),
  })
const push = (tag: string, by = secret) => {
  const body = JSON.stringify({ id: `push-${tag}`, image: `localhost:5000/acme/web:${tag}` })
  const signature = `sha256=${createHmac('sha256', by).update(body).digest('hex')}`
  const headers = { 'content-type': 'application/json', 'x-signature-256': signature }
  return send(`/webhooks/generic/${id}`, { method: 'POST', headers, body })
}

/** Writes the file, says SIGHUP, and waits for what the log says then. */
async function reload(text: string, says: RegExp): Promise<string> {
  writeFileSync(file, text)
  const before = server.log().length
  process.kill(server.pid, 'SIGHUP')
  for (const end = performance.now() + 20_000; ; ) {
    const said = server.log().slice(before)
    if (says.test(said)) return said
    assert.ok(performance.now() < end, `${says} was not said:\n${said}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

type Settings = { readonly kind: string; readonly how: string; readonly file: string; readonly rules: number }
async function noted(): Promise<readonly Settings[]> {
  const { text } = await send('/v1/audit', { headers: { authorization: `Bearer ${tokens['ops']}` } })
  const { entries } = JSON.parse(text) as { readonly entries: readonly { readonly entry: string }[] }
  return entries.map(({ entry }) => JSON.parse(entry) as Settings).filter(({ kind }) => kind === 'settings')
}
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

test('a policy changes while the server runs, for whoever is let in', async () => {
  assert.equal((await deploy('v2')).status, 200)
  const said = await reload(settings('other'), /for the cluster \\"other\\", which the gitops repo has no folder for/)
  assert.match(said, /were read again/)
  assert.equal((await deploy('v3')).status, 403)
  await reload(settings('prod'), /were read again/)
  assert.equal((await deploy('v3')).status, 200)
})

test('a file with problems changes nothing, and every problem is told', async () => {
  const before = await noted()
  const said = await reload(settings('prod', 'listn: x\nlimits: { underWay: many }\n'), /limits\.underWay/)
  assert.match(said, /old ones stay in force \(2 to mend\)/)
  assert.match(said, /unknown key \\"listn\\"/)
  assert.equal((await deploy('v4')).status, 200)
  // What nobody could be let in by is a problem of the whole, found last.
  const missing = `${settings('prod')}${hook.replace('HOOK_SECRET', 'HOOK_NOWHERE')}`
  assert.match(await reload(missing, /NOWHERE/), /the hook ci has no HOOK_NOWHERE/)
  assert.equal((await deploy('v5')).status, 200)
  assert.equal((await push('v6')).status, 404)
  assert.deepEqual(await noted(), before)
})

test('what needs a restart is told, and the rest of the file counts', async () => {
  const traces = 'traces: { endpoint: "http://127.0.0.1:9" }'
  const text = settings('prod', `retention: 7\njournal: elsewhere.sqlite\n${traces}\n`)
  assert.match(await reload(text, /were read again/), /after a restart only: journal, traces/)
  assert.equal((await deploy('v6')).status, 200)
})

test('the log says less, and more again', async () => {
  const before = (await noted()).length
  writeFileSync(file, settings('prod', 'log: { level: error }\n'))
  process.kill(server.pid, 'SIGHUP')
  while ((await noted()).length === before) await new Promise((resolve) => setTimeout(resolve, 20))
  const said = server.log().length
  assert.equal((await deploy('v7')).status, 200)
  assert.equal(server.log().length, said)
  await reload(settings('prod'), /were read again/)
  assert.equal((await deploy('v8')).status, 200)
  assert.match(server.log().slice(said), /v8/)
})

test('a hook comes, is bounded by itself, and goes', async () => {
  const text = `${settings('prod')}${hook}limits: { deliveriesPerMinute: 2, failuresPerMinute: 2 }\n`
  await reload(text, /were read again/)
  assert.deepEqual([(await push('v7')).status, (await push('v8')).status], [202, 202])
  const third = await push('v9')
  assert.deepEqual([third.status, Number(third.after) > 0 && Number(third.after) <= 30], [429, true], third.text)
  assert.equal((await deploy('v10')).status, 200, 'a token has a limit of its own')
  const wrong = [await push('v11', 'x'), await push('v11', 'x'), await push('v11', 'x')]
  assert.deepEqual(
    wrong.map(({ status }) => status),
    [401, 401, 429],
  )
  await reload(settings('prod'), /were read again/)
  assert.equal((await push('v12')).status, 404)
})

test('the audit trail says which settings counted since when', async () => {
  const entries = await noted()
  assert.deepEqual([entries[0]?.how, entries[0]?.file, entries[0]?.rules], ['start', sha256(settings('prod')), 2])
  assert.deepEqual(
    entries.slice(1).map(({ how }) => how),
    Array.from({ length: 7 }, () => 'reload'),
  )
  assert.equal(entries.at(-1)?.file, sha256(settings('prod')))
  assert.equal(await server.stop(), 0)
  const verified = await mgo.run('audit', '--verify')
  assert.match(verified.stdout, /^whole: /)
  assert.match(
    (await mgo.run('audit', '--config', file)).stdout,
    /settings reload: the policy [0-9a-f]{12} with 2 rules/,
  )
})

test('without a file SIGHUP ends the server, as a terminal that closes does', async () => {
  const alone = makeMgo({ repo })
  const open = await alone.serve('--commit-only')
  process.kill(open.pid, 'SIGHUP')
  assert.equal(await open.ended, 0)
  alone.remove()
})
