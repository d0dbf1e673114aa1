/**
 * The rig itself: pods play as their image's tag says, clusters stand side by side, and nothing is left behind.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { after, test } from 'node:test'
import { requests, writes } from './audit.ts'
import { isAlive } from './lock.ts'
import { type Rig, startRig } from './rig.ts'

const rig = await startRig({ name: 'first' })
after(() => rig.stop())

function kubectl(on: Pick<Rig, 'bin' | 'kubeconfig'>, ...args: readonly string[]): string {
  const ran = spawnSync(`${on.bin}/kubectl`, ['--kubeconfig', on.kubeconfig, ...args], { encoding: 'utf8' })
  assert.equal(ran.status, 0, ran.stderr)
  return ran.stdout
}

async function until(done: () => boolean): Promise<void> {
  const end = performance.now() + 30_000
  while (!done()) {
    assert.ok(performance.now() < end, 'not within 30 s')
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

const plays: [tag: string, path: string, want: string, why: string][] = [
  ['v1', '{.items[0].status.conditions[?(@.type=="Ready")].status}', 'True', 'any other tag runs'],
  ['missing', '{.items[0].status.containerStatuses[0].state.waiting.reason}', 'ImagePullBackOff', 'no such image'],
  ['crash', '{.items[0].status.containerStatuses[0].state.waiting.reason}', 'CrashLoopBackOff', 'it dies twice'],
  ['never-ready', '{.items[0].status.phase}', 'Running', 'it runs, and that is all'],
]
for (const [tag, path, want, why] of plays) {
  test(`a pod of the image app:${tag}: ${why}`, async () => {
    kubectl(rig, 'create', 'deployment', `d-${tag}`, `--image=acme/app:${tag}`)
    await until(() => kubectl(rig, 'get', 'pods', '-l', `app=d-${tag}`, '-o', `jsonpath=${path}`) === want)
  })
}

test('the audit log counts what was asked, by whom', async () => {
  const since = new Date()
  kubectl(rig, 'create', 'configmap', 'seen')
  const mine = requests(rig.auditLog, { agent: /^kubectl/, since })
  assert.deepEqual(
    writes(mine).map(({ verb, code }) => ({ verb, code })),
    [{ verb: 'create', code: 201 }],
  )
})

test('two clusters stand side by side', async () => {
  const other = await startRig({ name: 'second' })
  kubectl(other, 'create', 'namespace', 'only-here')
  assert.doesNotMatch(kubectl(rig, 'get', 'namespaces'), /only-here/)
  await other.stop()
  assert.equal(existsSync(dirname(other.kubeconfig)), false, 'its data folder is gone')
  assert.deepEqual(
    other.parts.filter(({ pid }) => isAlive(pid)),
    [],
  )
})

test('SIGKILL of whoever started a cluster leaves no process', async () => {
  const code = `const { startRig } = await import(${JSON.stringify(new URL('rig.ts', import.meta.url).href)})
    const rig = await startRig({ name: 'killed' })
    console.log(JSON.stringify(rig.parts.map((part) => part.pid)))
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const pids = await new Promise<readonly number[]>((resolve) => {
    child.stdout.once('data', (line: Buffer) => resolve(JSON.parse(line.toString()) as number[]))
  })
  assert.equal(pids.length, 5)
  child.kill('SIGKILL')
  await until(() => pids.every((pid) => !isAlive(pid)))
})

test('up prints one JSON object as its last line, down ends it', async () => {
  const call = (...args: readonly string[]) =>
    spawnSync(process.execPath, ['test/rig/cli.ts', ...args, '--name', 'by-hand'], { encoding: 'utf8' })
  const up = call('up')
  assert.equal(up.status, 0, up.stderr)
  const kept = JSON.parse(up.stdout.trim().split('\n').at(-1) ?? '') as Record<string, string>
  assert.deepEqual(Object.keys(kept), ['name', 'kubeconfig', 'context', 'auditLog', 'bin'])
  assert.equal(call('up').stdout, up.stdout, 'up of a running one prints the same')
  assert.match(kubectl({ bin: rig.bin, kubeconfig: kept['kubeconfig'] ?? '' }, 'get', 'nodes'), /node-a\s+Ready/)
  assert.equal(call('down').status, 0)
  assert.equal(existsSync(kept['kubeconfig'] ?? ''), false)
})
