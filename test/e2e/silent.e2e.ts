/**
 * Three clusters, one alive, one whose port is closed, one that takes connections and never says a word (R34): the dead
 * ones delay nobody but themselves, say what they wait for, and end.
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
const at = { hole: address(hole), dead: address(closed) }
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

const clusters = ['live', 'dead', 'hole']
const apps = ['one', 'two', 'three']
const files = clusters.flatMap((cluster) =>
  apps.map((app) => [`installations/${cluster}/${app}-values.yaml`, values(app)] as const),
)
const repo = makeBare(root, 'repo.git', { ...chart, ...Object.fromEntries(files) })
const mgo = makeMgo({ repo, kubeconfig, helm: join(rig.bin, 'helm4') })
const server = await mgo.serve()
after(async () => {
  await server.kill()
  for (const socket of open) socket.destroy()
  hole.close()
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
  const besideMs = await liveMs('three', 'v2')
  assert.ok(besideMs < aloneMs * 3 + 4_000, `${besideMs} ms beside the dead ones, ${aloneMs} ms alone`)
  assert.equal((await verdict(dead[0] ?? assert.fail())).problem?.code, 'KUBE_UNREACHABLE')

  const silent = holed[0] ?? assert.fail()
  const events = await (await fetch(`${server.url}/v1/deploys/${silent.id}/events`)).text()
  assert.match(events, /event: waiting\ndata: .*the API server of hole has not answered for \d+ s/)
  for (const one of [...dead, ...holed]) {
    const { verdict: word, problem } = await verdict(one)
    assert.deepEqual([word, problem?.code], ['failed', 'KUBE_UNREACHABLE'])
    assert.match(problem?.message ?? '', /127\.0\.0\.1:\d+/)
  }
  const again = await liveMs('one', 'v3')
  assert.ok(again < aloneMs * 3 + 4_000, `${again} ms afterwards, ${aloneMs} ms alone`)
})
