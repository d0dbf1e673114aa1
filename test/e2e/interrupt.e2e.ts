/**
 * Ctrl-C, for real: SIGINT to `bin/mgo` at several moments of a deploy. Afterwards the remote has the whole commit or none,
 * a clone agrees with it, and nothing of mgo still runs.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { openGate } from '../../src/interrupt.ts'
import { git, makeBare, startGitServer } from '../git-server.ts'

const server = await startGitServer()
const root = mkdtempSync(join(tmpdir(), 'mgo-interrupt-'))
after(async () => {
  await server.close()
  rmSync(root, { recursive: true, force: true })
})

const path = 'installations/prod/app-values.yaml'
const text = '__mygitops:\n  chart: ./chart\n  images:\n    src: { repository: acme/app, tag: v1 }\n'

/** Starts a deploy and sends SIGINT as soon as `when` is reached. */
async function interrupted(repo: string, when: (pushes: number) => boolean): Promise<{ code: number; stderr: string }> {
  const begun = server.pushes()
  const wanted = ['--cluster', 'prod', '--source', 'src', '--image', 'acme/app:v2', '--author', 'Ada']
  const child = spawn(
    join(import.meta.dirname, '..', '..', 'bin', 'mgo'),
    ['deploy', '--gitops-repo', repo, '--commit-only', ...wanted],
    {
      env: { PATH: process.env['PATH'] ?? '', HOME: root, MGO_STATE: join(root, 'state') },
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  )
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString()
  })
  const ended = new Promise<number>((resolve) => child.on('close', (code) => resolve(code ?? -1)))
  while (child.exitCode === null && !when(server.pushes() - begun))
    await new Promise((resolve) => setTimeout(resolve, 5))
  child.kill('SIGINT')
  return { code: await ended, stderr }
}

test('Ctrl-C during the push: the push is finished, and mgo ends as a shell expects', async () => {
  const bare = makeBare(server.root, 'push.git', { [path]: text })
  server.fault('slow')
  const { code, stderr } = await interrupted(server.url('push.git'), (pushes) => pushes > 0)
  assert.equal(git(bare, 'rev-list', '--count', 'main').trim(), '2', stderr)
  assert.match(stderr, /stopping: what is under way is finished/)
  assert.ok(code === 130 || code === 0, `${code} ${stderr}`)
})

test('Ctrl-C before the push: nothing is there, and the next deploy is whole', async () => {
  const bare = makeBare(server.root, 'early.git', { [path]: text })
  const begun = performance.now()
  const { code } = await interrupted(server.url('early.git'), () => performance.now() - begun > 60)
  assert.notEqual(code, 0)
  assert.ok(['1', '2'].includes(git(bare, 'rev-list', '--count', 'main').trim()))
})

test('a closed gate lets out what is inside, and nothing in', async () => {
  const gate = openGate()
  let finish = () => {}
  const inside = gate.pass(() => new Promise<void>((resolve) => (finish = resolve)))
  let closed = false
  const closing = gate.close().then(() => {
    closed = true
  })
  await assert.rejects(
    gate.pass(async () => 1),
    /told to stop/,
  )
  assert.equal(closed, false)
  finish()
  await Promise.all([inside, closing])
  assert.equal(closed, true)
})
