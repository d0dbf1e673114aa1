/**
 * What a server tells of a real cluster to those who have no kubeconfig: releases, the plan, `mgo status` and `mgo why`,
 * and a rollback that the cluster is brought to. Every answer is held to `/openapi.json`.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { described } from '../described.ts'
import { git, makeBare, put, startGitServer } from '../git-server.ts'
import { call, chart, makeMgo, values } from '../mgo.ts'
import { requests } from '../rig/audit.ts'
import { startRig } from '../rig/rig.ts'

const rig = await startRig({ name: 'prod' })
const server = await startGitServer()
const secret = (password: string) =>
  `apiVersion: v1\nkind: Secret\nmetadata: { name: login, namespace: default }\nstringData: { password: ${password} }\n`
const bare = makeBare(server.root, 'gitops.git', {
  ...chart,
  'installations/prod/web-values.yaml': values('web'),
  'installations/prod/login-raw.yaml': secret('first-password-1a2b'),
})
const repo = server.url('gitops.git')
const helm = join(rig.bin, 'helm4')
const mgo = makeMgo({ repo, kubeconfig: rig.kubeconfig, helm })
/** A machine that has neither repo nor kubeconfig. */
const elsewhere = makeMgo({ repo: join(mgo.state, 'no-repo'), kubeconfig: join(mgo.state, 'no-kubeconfig') })
const work = join(mgo.state, 'work')
git(mgo.state, 'clone', '--quiet', bare, work)
const config = join(mgo.state, 'mgo.server.yaml')
writeFileSync(config, 'journal: journal.sqlite\nidentities: { tokens: tokens.sqlite }\npolicy: []\n')
const service = await mgo.serve('--config', config)
after(async () => {
  await service.stop()
  await server.close()
  await rig.stop()
  elsewhere.remove()
  mgo.remove()
})

async function token(name: string, scope: string): Promise<string> {
  const made = await mgo.run('token', 'create', '--config', config, '--name', name, '--expires', '1h', '--scope', scope)
  assert.equal(made.code, 0, made.stderr)
  return made.stdout.trim()
}
const web = 'source=github.com/acme/web image=localhost:5000/acme/web'
const [reader, webCi] = await Promise.all([
  token('reader', 'read cluster=prod'),
  token('web-ci', `deploy,rollback,read cluster=prod ${web}`),
])
const api = await described(service.url)

type Row = { readonly release: string; readonly state: string; readonly code?: string; readonly revision?: number }
type Unit = { readonly unit: string; readonly kind: string; readonly differences: readonly { readonly text: string }[] }
type Body = { readonly releases?: readonly Row[]; readonly units?: readonly Unit[]; readonly differs?: boolean }

async function get(path: string, who: string): Promise<Body> {
  const { status, body } = await api.ask('GET', path, { headers: { authorization: `Bearer ${who}` } })
  assert.equal(status, 200, JSON.stringify(body))
  return body as Body
}

async function post(path: string, body: object): Promise<{ readonly id?: string; readonly verdict?: string }> {
  const headers = { authorization: `Bearer ${webCi}`, 'content-type': 'application/json' }
  const sent = await api.ask('POST', `${path}?wait=120s`, {
    headers,
    body: JSON.stringify({ cluster: 'prod', ...body }),
  })
  return sent.body as { readonly id?: string; readonly verdict?: string }
}
const deploy = (tag: string) =>
  post('/v1/deploys', { source: 'github.com/acme/web', image: `localhost:5000/acme/web:${tag}` })

const short = ({ releases = [] }: Body) => releases.map(({ release, state, code }) => [release, state, code])

test('before anything is there: releases are missing, and the plan brings all of it and writes nothing', async () => {
  const since = new Date()
  assert.deepEqual(short(await get('/v1/clusters/prod/releases', reader)), [
    ['login-raw.yaml', 'missing', undefined],
    ['shop/web', 'missing', undefined],
  ])
  const plan = await get('/v1/clusters/prod/plan', reader)
  assert.equal(plan.differs, true)
  assert.deepEqual(
    plan.units?.map(({ unit, kind, differences }) => [unit, kind, differences.length]),
    [
      ['login-raw.yaml', 'apply', 1],
      ['shop/web', 'apply', 2],
    ],
  )
  assert.doesNotMatch(JSON.stringify(plan), /first-password-1a2b|Zmlyc3QtcGFzc3dvcmQ/, 'secrets are masked')
  const ran = await call(helm, ['--kubeconfig', rig.kubeconfig, 'list', '--all-namespaces', '--short'])
  assert.equal(ran.stdout.trim(), '')
  const written = requests(rig.auditLog, { agent: /^mgo\//, since }).filter(
    ({ verb }) => verb !== 'get' && verb !== 'list',
  )
  for (const { verb, uri } of written) assert.match(uri, /dryRun=All/, `${verb} ${uri}`)
})

test('what works, what does not and why, as mgo status says it where a kubeconfig is', async () => {
  const { id, verdict } = await deploy('v2')
  assert.equal(verdict, 'healthy')
  const told = await api.ask('GET', `/v1/deploys/${id}/events`, { headers: { authorization: `Bearer ${webCi}` } })
  const kinds = [...String(told.body).matchAll(/^event: (\S+)$/gm)].map((found) => found[1])
  assert.deepEqual(
    kinds.filter((kind) => kind !== 'waiting'),
    ['accepted', 'committed', 'applying', 'applied', 'judged', 'finished'],
  )
  assert.deepEqual(short(await get('/v1/clusters/prod/releases?release=web', webCi)), [
    ['shop/web', 'healthy', undefined],
  ])
  assert.equal((await deploy('missing')).verdict, 'failed')
  const { releases } = await get('/v1/clusters/prod/releases', webCi)
  assert.deepEqual(short({ releases: releases ?? [] }), [['shop/web', 'failed', 'IMAGE_NOT_FOUND']])
  const here = await mgo.run('status', '-o', 'json')
  const same = (JSON.parse(here.stdout) as readonly Row[]).find(({ release }) => release === 'shop/web')
  const [there] = releases ?? []
  const { evidence: _, ...known } = same as Row & { readonly evidence?: unknown }
  for (const [key, value] of Object.entries(known)) assert.deepEqual(there?.[key as keyof Row], value, key)
})

test('a machine without a kubeconfig asks the server', async () => {
  const asks = (...args: readonly string[]) => elsewhere.run(...args, '--server', service.url, '--token', webCi)
  const status = await asks('status', '--cluster', 'prod')
  assert.equal(status.code, 0, status.stderr)
  assert.match(status.stdout, /^shop\/web +failed +localhost:5000\/acme\/web:missing .*\n +\[IMAGE_NOT_FOUND\] /m)
  assert.doesNotMatch(status.stdout, /login/, 'what it may not read is not there')
  const why = await asks('why', 'web', '--cluster', 'prod')
  assert.equal(why.code, 1, why.stderr)
  assert.match(why.stdout, /^shop\/web on prod: failed \[IMAGE_NOT_FOUND\].*\n[^]*asked for by web-ci/)
  const unknown = await asks('why', 'wbe', '--cluster', 'prod')
  assert.equal(unknown.code, 2)
  assert.match(unknown.stderr, /RELEASE_UNKNOWN[^]*shop\/web/)
  const clusters = await asks('clusters')
  assert.equal(clusters.code, 0, clusters.stderr)
  assert.match(clusters.stdout, /^CLUSTER .*\nprod +reachable +0 +0 +-$/m)
  const nowhere = await asks('status')
  assert.match(nowhere.stderr, /USAGE[^]*--cluster/)
})

test('a rollback is a deploy: the cluster is brought to the image before, and judged', async () => {
  assert.equal((await post('/v1/rollbacks', { release: 'shop/web' })).verdict, 'healthy')
  assert.match(git(bare, 'show', 'main:installations/prod/web-values.yaml'), /tag: "v2"/)
  assert.deepEqual(short(await get('/v1/clusters/prod/releases?release=web', webCi)), [
    ['shop/web', 'healthy', undefined],
  ])
})

test('a machine without a kubeconfig rolls back through the server', async () => {
  const back = (...args: readonly string[]) =>
    elsewhere.run('rollback', 'web', '--server', service.url, '--token', webCi, ...args)
  const there = await back('--cluster', 'prod', '--to', 'localhost:5000/acme/web:v1')
  assert.equal(there.code, 0, there.stderr)
  assert.match(there.stdout, /^healthy: prod at [0-9a-f]{12}/)
  assert.match(git(bare, 'show', 'main:installations/prod/web-values.yaml'), /tag: "v1"/)
  const again = await back('--cluster', 'prod', '--to', 'localhost:5000/acme/web:v1')
  assert.deepEqual([again.code, /has the images of .* already/.test(again.stderr)], [2, true])
  assert.equal((await back()).code, 2)
})

test('after a sync nothing differs; somebody else’s commit does, with its secret masked', async () => {
  assert.equal((await mgo.run('sync', '--cluster', 'prod')).code, 0)
  assert.equal((await get('/v1/clusters/prod/plan', reader)).differs, false)
  git(work, 'pull', '--quiet')
  put(work, { 'installations/prod/login-raw.yaml': secret('second-password-3c4d') })
  git(work, 'commit', '--quiet', '--all', '-m', 'Change')
  git(work, 'push', '--quiet')
  const plan = await get('/v1/clusters/prod/plan', reader)
  assert.deepEqual(
    plan.units?.flatMap(({ unit, kind, differences }) => (differences.length > 0 ? [[unit, kind]] : [])),
    [['login-raw.yaml', 'apply']],
  )
  assert.doesNotMatch(JSON.stringify(plan), /-password-|c2Vjb25kLXBhc3N3b3Jk|Zmlyc3QtcGFzc3dvcmQ/)
  const mine = await get('/v1/clusters/prod/plan', webCi)
  assert.deepEqual([mine.differs, mine.units?.map(({ unit }) => unit)], [false, ['shop/web']])
  assert.equal((await get('/v1/clusters/prod/releases?release=login', reader)).releases?.[0]?.state, 'behind')
})

test('a server that is told to follow brings the cluster to the branch, without a restart', async () => {
  writeFileSync(config, `${readFileSync(config, 'utf8')}follow: { clusters: [prod] }\n`)
  process.kill(service.pid, 'SIGHUP')
  for (const end = performance.now() + 60_000; (await get('/v1/clusters/prod/plan', reader)).differs !== false; ) {
    assert.ok(performance.now() < end, service.log())
    await new Promise((resolve) => setTimeout(resolve, 300))
  }
  assert.match(service.log(), /were read again/)
})

test('the examples of docs/api.md do what the page says', async () => {
  const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'api.md'), 'utf8')
  const admin = await token('admin', 'admin cluster=** source=** image=**')
  const commands = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].flatMap(([, text = '']) =>
    text
      .replaceAll(/\\\n */g, '')
      .trim()
      .split('\n'),
  )
  assert.ok(commands.length >= 9)
  for (const command of commands) {
    const here = command
      .replaceAll('http://127.0.0.1:8080', service.url)
      .replaceAll('my-prod', 'prod')
      .replace(/^curl/, `curl --silent --show-error --user any:${admin}`)
    const ran = await call('sh', ['-c', here])
    // An endless stream ends by its own time.
    assert.equal(ran.code, command.includes('--max-time') ? 28 : 0, `${command}\n${ran.stdout}\n${ran.stderr}`)
  }
})
