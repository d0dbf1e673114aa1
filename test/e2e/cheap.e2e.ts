/**
 * What a verdict costs: it does not grow with history, with other people's objects or with events; and two hundred
 * releases at once are judged under one budget.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { git, makeBare, put, startGitServer } from '../git-server.ts'
import { call, makeMgo } from '../mgo.ts'
import { requests } from '../rig/audit.ts'
import { startRig } from '../rig/rig.ts'
import { serverOf, startStaller, throughStaller } from '../staller.ts'

const rig = await startRig({ name: 'prod' })
const server = await startGitServer()
const staller = await startStaller(serverOf(rig.kubeconfig))
const deployment = (name: string, tag: string) => `apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, namespace: default }
spec:
  replicas: 1
  revisionHistoryLimit: 100
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec: { containers: [{ name: app, image: "acme/app:${tag}" }] }
`
const bare = makeBare(server.root, 'raw.git', { 'installations/prod/web-raw.yaml': deployment('web', 'v1') })
const home = makeMgo({ repo: server.url('raw.git') })
const kubeconfig = join(home.state, 'counted')
writeFileSync(kubeconfig, throughStaller(rig.kubeconfig, staller))
const mgo = makeMgo({ repo: server.url('raw.git'), kubeconfig, helm: join(rig.bin, 'helm4') })
const work = join(home.state, 'work')
git(home.state, 'clone', '--quiet', bare, work)
after(async () => {
  await staller.close()
  await server.close()
  await rig.stop()
  mgo.remove()
  home.remove()
})

function commit(files: Readonly<Record<string, string>>): void {
  put(work, files)
  git(work, 'add', '--all')
  git(work, 'commit', '--quiet', '-m', 'Change')
  git(work, 'push', '--quiet')
}

/** Bytes that the API server sent for one deploy of `web`. */
async function bytesOf(tag: string): Promise<number> {
  commit({ 'installations/prod/web-raw.yaml': deployment('web', tag) })
  const before = staller.bytes()
  const { code, stdout, stderr } = await mgo.run('sync', '--cluster', 'prod')
  assert.equal(code, 0, stdout + stderr)
  return staller.bytes() - before
}

async function kubectl(...args: readonly string[]): Promise<string> {
  const ran = await call(join(rig.bin, 'kubectl'), ['--kubeconfig', rig.kubeconfig, ...args])
  assert.equal(ran.code, 0, ran.stderr)
  return ran.stdout
}

/** Old sets of `web`, events of others, other people's pods and settings, all in its namespace. */
async function clutter(): Promise<void> {
  type Set = { metadata: { labels: object; ownerReferences: object[] }; spec: { template: { metadata: object } } }
  const [set] = (JSON.parse(await kubectl('get', 'rs', '-o', 'json')) as { items: Set[] }).items
  assert.ok(set)
  const { labels, ownerReferences } = set.metadata
  const numbers = Array.from({ length: 60 }, (_, i) => i)
  const sets = numbers.map((i) => ({
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { name: `web-old-${i}`, labels: { ...labels, 'pod-template-hash': `old${i}` }, ownerReferences },
    spec: {
      replicas: 0,
      selector: { matchLabels: { app: 'web', 'pod-template-hash': `old${i}` } },
      template: {
        metadata: { labels: { app: 'web', 'pod-template-hash': `old${i}` } },
        spec: { containers: [{ name: 'app', image: `acme/app:old-${i}` }] },
      },
    },
  }))
  const events = numbers.map((i) => ({
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: `noise.${i}`, namespace: 'default' },
    involvedObject: { kind: 'Pod', name: `other-${i}`, namespace: 'default', uid: `uid-${i}` },
    type: 'Warning',
    reason: 'Noise',
    message: 'x'.repeat(900),
  }))
  const file = join(home.state, 'clutter.json')
  writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [...sets, ...events] }))
  await kubectl('create', '-f', file)
}

test('one rollout costs the same in a tidy namespace and in one full of history', async (t) => {
  await bytesOf('v0')
  const tidy = await bytesOf('v2')
  await clutter()
  const full = await bytesOf('v3')
  t.diagnostic(`${tidy} bytes, and ${full} with clutter`)
  assert.ok(full < tidy * 1.15 + 4_000, `${tidy} bytes, and ${full} with clutter`)
})

test('two hundred releases at once: a few requests each, little memory', async (t) => {
  const names = Array.from({ length: 200 }, (_, i) => `app-${i}`)
  commit(Object.fromEntries(names.map((name) => [`installations/prod/${name}-raw.yaml`, deployment(name, 'slow')])))
  const since = new Date()
  const { code, stdout, peakMiB } = await measured()
  assert.equal(code, 0, stdout.slice(-2_000))
  const asked = requests(rig.auditLog, { agent: /^mgo\//, since })
  const about = asked.filter(({ uri }) => /\/(?:deployments|replicasets|pods|events)\?/.test(uri))
  const each = about.length / names.length
  t.diagnostic(`${each} requests for each verdict, ${asked.length} in all, ${peakMiB} MiB`)
  assert.ok(each <= 5, `${each} requests for each verdict`)
  assert.equal(about.filter(({ verb }) => verb === 'list').length, 0)
  assert.equal(asked.filter((one) => one.code === 429).length, 0)
  assert.ok(peakMiB < 500, `${peakMiB} MiB at most`)
})

/** A sync, and the most memory that it took (VmHWM), looked at while it runs. */
async function measured(): Promise<{ readonly code: number; readonly stdout: string; readonly peakMiB: number }> {
  const main = join(import.meta.dirname, '..', '..', 'src', 'main.ts')
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: home.state,
    MGO_STATE: join(home.state, 'state'),
    MGO_GITOPS_REPO: server.url('raw.git'),
    MGO_HELM: join(rig.bin, 'helm4'),
    KUBECONFIG: rig.kubeconfig,
  }
  const child = spawn(process.execPath, [main, 'sync', '--cluster', 'prod'], {
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  let [stdout, peakMiB] = ['', 0]
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  const timer = setInterval(() => {
    const status = child.exitCode === null ? readFileSync(`/proc/${child.pid}/status`, 'utf8') : ''
    peakMiB = Math.max(peakMiB, Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024)
  }, 200)
  const code = await new Promise<number>((resolve) => child.on('close', (ended) => resolve(ended ?? -1)))
  clearInterval(timer)
  return { code, stdout, peakMiB: Math.round(peakMiB) }
}
