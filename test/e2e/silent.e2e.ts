/**
 * Four clusters, one alive, one whose port is closed, one that takes connections and never says a word, one that is away
 * for a while (R18, R34): the dead ones delay nobody but themselves, say what they wait for, and end when their time is up;
 * what is away in between costs its deploys time, and nothing else.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { makeBare } from '../git-server.ts'
import { chart, makeMgo, values } from '../mgo.ts'
import { startRig } from '../rig/rig.ts'
import { serverOf, startStaller } from '../staller.ts'

const root = mkdtempSync(join(tmpdir(), 'mgo-clusters-'))
const rig = await startRig({ name: 'live' })

/** Takes every connection, and says nothing. */
const open = new Set<Socket>()
const hole = createServer((socket) => {
  open.add(socket)
  socket.on('error', () => undefined).on('close', () => open.delete(socket))
})
await new Promise<void>((resolve) => hole.listen(0, '127.0.0.1', resolve))
const closed = createServer()
await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve))
const address = (server: typeof hole) => `https://127.0.0.1:${(server.address() as AddressInfo).port}`
const gate = await startStaller(serverOf(rig.kubeconfig))
const at = { hole: address(hole), dead: address(closed), gated: gate.server }
await new Promise((resolve) => closed.close(resolve))

type Named = { readonly name: string }
type Config = { clusters: (Named & { cluster: object })[]; contexts: (Named & { context: object })[] }
const config = JSON.parse(readFileSync(rig.kubeconfig, 'utf8')) as Config
for (const [name, server] of Object.entries(at)) {
  config.clusters.push({ name, cluster: { ...config.clusters[0]?.cluster, server } })
  config.contexts.push({ name, context: { ...config.contexts[0]?.context, cluster: name } })
}
const kubeconfig = join(root, 'kubeconfig')
writeFileSync(kubeconfig, JSON.stringify(config), { mode: 0o600 })

const clusters = ['live', 'dead', 'hole', 'gated']
const apps = ['one', 'two', 'three']
/** How long the deploys of the dead ones may take, in seconds. */
const limit = 20
const timed = (cluster: string, text: string) =>
  cluster === 'live' || cluster === 'gated'
    ? text
    : text.replace('__mygitops:\n', `__mygitops:\n  timeout: ${limit}s\n`)
const files = clusters.flatMap((cluster) =>
  apps.map((app) => [`installations/${cluster}/${app}-values.yaml`, timed(cluster, values(app))] as const),
)
const repo = makeBare(root, 'repo.git', { ...chart, ...Object.fromEntries(files) })
const mgo = makeMgo({ repo, kubeconfig, helm: join(rig.bin, 'helm4') })
const server = await mgo.serve()
after(async () => {
  await server.kill()
  for (const socket of open) socket.destroy()
  hole.close()
  await gate.close()
  await rig.stop()
  mgo.remove()
  rmSync(root, { recursive: true, force: true })
})

type Answer = { readonly id: string; readonly verdict?: string; readonly problem?: { code: string; message: string } }

async function deploy(place: string, tag: string, wait = ''): Promise<Answer> {
  const [cluster, app] = place.split('/')
  const body = {
    cluster,
    source: `github.com/acme/${app}`,
    image: `localhost:5000/acme/${app}:${tag}`,
    author: 'Ada <a@b.c>',
  }
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(`${server.url}/v1/deploys${wait}`, { method: 'POST', headers, body: JSON.stringify(body) })
  return (await answer.json()) as Answer
}
const verdict = async ({ id }: Answer) =>
  (await (await fetch(`${server.url}/v1/deploys/${id}?wait=300s`)).json()) as Answer

const stateOf = async ({ id }: Answer) => (await (await fetch(`${server.url}/v1/deploys/${id}`)).json()) as Answer
const rest = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

async function eventsOf({ id }: Answer): Promise<string> {
  return (await fetch(`${server.url}/v1/deploys/${id}/events`)).text()
}

/** Until something has happened to a deploy. */
async function untilEvent({ id }: Answer, kind: string): Promise<void> {
  const answer = await fetch(`${server.url}/v1/deploys/${id}/events`)
  let text = ''
  for await (const chunk of (answer.body ?? assert.fail()).pipeThrough(new TextDecoderStream())) {
    text += chunk
    if (text.includes(`event: ${kind}\n`)) return
  }
  assert.fail(`no ${kind} in ${text}`)
}

type Cluster = { readonly cluster: string; readonly state: string; readonly since?: string; readonly underWay: number }

/** What is told of the clusters while the deploys of two of them wait. */
async function aboutClusters(): Promise<void> {
  const { clusters } = (await (await fetch(`${server.url}/v1/clusters`)).json()) as {
    readonly clusters: readonly Cluster[]
  }
  assert.deepEqual(
    clusters.map(({ cluster, state, since, underWay }) => [cluster, state, since === undefined, underWay]),
    [
      ['dead', 'silent', false, 3],
      ['gated', 'reachable', true, 0],
      ['hole', 'silent', false, 3],
      ['live', 'reachable', true, 0],
    ],
  )
  const here = await mgo.run('clusters')
  assert.equal(here.code, 5, here.stderr)
  assert.match(here.stdout, /^dead +silent since \d+ s .*\n +\[KUBE_UNREACHABLE\] .*127\.0\.0\.1:\d+/m)
}

/** Milliseconds until a deploy to the living cluster is healthy. */
async function liveMs(app: string, tag: string): Promise<number> {
  const begun = performance.now()
  const { verdict: word, problem } = await deploy(`live/${app}`, tag, '?wait=120s')
  assert.equal(word, 'healthy', JSON.stringify(problem))
  return performance.now() - begun
}

test('dead clusters delay nobody else’s deploys, say what they wait for, and end', async () => {
  await liveMs('one', 'v2')
  const aloneMs = await liveMs('two', 'v2')
  const dead = await Promise.all(apps.map((app) => deploy(`dead/${app}`, 'v2')))
  const holed = await Promise.all(apps.map((app) => deploy(`hole/${app}`, 'v2')))
  const begun = performance.now()
  const besideMs = await liveMs('three', 'v2')
  assert.ok(besideMs < aloneMs * 3 + 4_000, `${besideMs} ms beside the dead ones, ${aloneMs} ms alone`)
  await aboutClusters()
  for (const one of [...dead, ...holed]) {
    const { verdict: word, problem } = await verdict(one)
    assert.deepEqual([word, problem?.code], ['failed', 'KUBE_UNREACHABLE'])
    assert.match(problem?.message ?? '', /127\.0\.0\.1:\d+.* was waited for \d+ s, until its time was up/)
  }
  const tookMs = performance.now() - begun
  assert.ok(tookMs > limit * 1000 && tookMs < (limit + 15) * 1000, `${tookMs} ms of ${limit} s`)
  for (const one of [dead[0] ?? assert.fail(), holed[0] ?? assert.fail()])
    assert.match(
      await eventsOf(one),
      /event: waiting\ndata: .*has not answered for \d+ s.*it is tried again until \d\d:/,
    )
  const again = await liveMs('one', 'v3')
  assert.ok(again < aloneMs * 3 + 4_000, `${again} ms afterwards, ${aloneMs} ms alone`)
})

test('a cluster that is away for a while: before the deploy, and in the middle of its rollout', async () => {
  await gate.away()
  const sent = await Promise.all(apps.map((app) => deploy(`gated/${app}`, 'v2')))
  await rest(7_000)
  assert.deepEqual(await Promise.all(sent.map(async (one) => (await stateOf(one)).verdict)), [
    undefined,
    undefined,
    undefined,
  ])
  await gate.back()
  for (const one of sent) assert.equal((await verdict(one)).verdict, 'healthy')
  assert.match(await eventsOf(sent[0] ?? assert.fail()), /the API server of gated has not answered for/)

  const slow = await deploy('gated/one', 'slow')
  await untilEvent(slow, 'applied')
  await gate.away()
  await rest(8_000)
  await gate.back()
  assert.equal((await verdict(slow)).verdict, 'healthy')
})

test('a cluster that goes away while it is written to is written to again, and nothing stays half done', async () => {
  const cut = await deploy('gated/two', 'v3')
  await untilEvent(cut, 'applying')
  await rest(150)
  await gate.away()
  await rest(6_000)
  await gate.back()
  const { verdict: word, problem } = await verdict(cut)
  assert.equal(word, 'healthy', JSON.stringify(problem))
  const { verdict: next } = await deploy('gated/two', 'v4', '?wait=120s')
  assert.equal(next, 'healthy')
})

test('at a terminal a cluster that refuses is told of at once', async () => {
  const begun = performance.now()
  const image = ['--source', 'github.com/acme/one', '--image', 'localhost:5000/acme/one:v9', '--author', 'Ada <a@b.c>']
  const { code, stdout, stderr } = await mgo.run('deploy', '--cluster', 'dead', ...image)
  assert.match(`${stdout}${stderr}`, /KUBE_UNREACHABLE/)
  assert.equal(code, 5)
  assert.ok(performance.now() - begun < (limit * 1000) / 2)
})
