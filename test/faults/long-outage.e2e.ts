/**
 * R11 for as long as somebody likes: the git server is away, callers go on. `MGO_OUTAGE=1h` by hand, seconds in `npm test`.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { test } from 'node:test'
import { git } from '../git-server.ts'
import { startTrial, type Trial } from '../trial.ts'

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const most = 400

/** `90s`, `10m`, `1h`, in milliseconds. */
function duration(text: string): number {
  const [, count = '', unit = ''] = /^(\d+)([smh])$/.exec(text) ?? []
  const ms = { s: 1_000, m: 60_000, h: 3_600_000 }[unit]
  if (ms === undefined) throw new Error(`MGO_OUTAGE=${text}: write 90s, 10m or 1h`)
  return Number(count) * ms
}

/** What the server's process holds: MiB of memory, open files, programs that it started. */
function held(trial: Trial): { readonly mib: number; readonly files: number; readonly programs: number } {
  const { pid } = trial.service()
  const kib = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')
  return { mib: kib / 1024, files: readdirSync(`/proc/${pid}/fd`).length, programs: children.length }
}

const lastsMs = duration(process.env['MGO_OUTAGE'] ?? '20s')

test('R11: git is away for long: kept up to the cap and refused beyond it, nothing piles up, all of it lands in order', {
  timeout: lastsMs + 300_000,
}, async () => {
  const trial = await startTrial({ apps: most + 50, args: ['--most', String(most), '--patience', '3h'] })
  assert.equal((await trial.send(0, 'v2', { wait: '30s' })).verdict, 'committed')
  const before = held(trial)
  await trial.git.stop()
  const endMs = performance.now() + lastsMs
  const accepted: number[] = []
  let refused = 0
  // The cap is reached after four fifths of the time.
  for (let app = 1; performance.now() < endMs; app++) {
    const { status } = await trial.send(1 + (app % (most + 40)), `n${app}`)
    if (status === 202) accepted.push(1 + (app % (most + 40)))
    else refused++
    assert.ok(status === 202 || status === 503, String(status))
    if (app % 50 === 0) {
      assert.equal((await trial.ask('/healthz')).status, 200)
      assert.equal((await trial.ask('/readyz')).status, 503)
    }
    await pause((lastsMs * 0.8) / most)
  }
  const after = held(trial)
  assert.ok(refused > 0 && accepted.length >= most, `${accepted.length} kept, ${refused} refused`)
  assert.ok(after.mib < before.mib + 150, `${before.mib} MiB before, ${after.mib} MiB after`)
  assert.ok(after.files < before.files + 30, `${before.files} files before, ${after.files} after`)
  assert.ok(after.programs < before.programs + 5, `${before.programs} programs before, ${after.programs} after`)
  trial.foreign('installations/prod/app0-values.yaml', (text) => `${text}# while it was away\n`)
  const pushes = trial.git.pushes()
  await trial.git.start()
  const backMs = performance.now()
  await trial.check()
  const drainedMs = performance.now() - backMs
  assert.ok(trial.git.pushes() - pushes <= 4, `${trial.git.pushes() - pushes} pushes`)
  // Whoever came first is first in git, too.
  const authors = git(trial.bare, 'log', '--reverse', '--format=%an', 'main').trim().split('\n')
  assert.deepEqual(
    authors.filter((name) => name.startsWith('Dev ')).slice(1),
    accepted.map((app) => `Dev ${app}`),
  )
  const defunct = execFileSync('ps', ['-o', 'args=', '--ppid', String(trial.service().pid)], { encoding: 'utf8' })
  assert.doesNotMatch(defunct, /defunct/)
  console.log(
    `away for ${lastsMs / 1_000} s: ${accepted.length} kept, ${refused} refused, ${Math.round(before.mib)} → ${Math.round(after.mib)} MiB, ` +
      `done ${Math.round(drainedMs)} ms after it came back, in ${trial.git.pushes() - pushes} pushes`,
  )
  await trial.end()
})
