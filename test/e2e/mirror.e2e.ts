/**
 * The mirror of the gitops repo, as a server that was killed may have left it (row R14 of the fault matrix).
 *
 * @module
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { git } from '../git-server.ts'
import { script, seen } from '../seen.ts'
import { startTrial, type Trial } from '../trial.ts'

const folder = mkdtempSync(join(tmpdir(), 'mgo-mirror-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const realGit = execFileSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim()

/** Where the only mirror of a trial is. */
function mirrorOf(trial: Trial): string {
  const mirrors = join(trial.mgo.state, 'state', 'git')
  return join(mirrors, readdirSync(mirrors).find((name) => /^[0-9a-f]{24}$/.test(name)) ?? '')
}

/** Leaves of all objects a pack that is none. */
function damage(mirror: string): void {
  git(mirror, 'repack', '-a', '-d', '--quiet')
  const pack = readdirSync(join(mirror, 'objects', 'pack')).find((name) => name.endsWith('.pack')) ?? ''
  chmodSync(join(mirror, 'objects', 'pack', pack), 0o600)
  writeFileSync(join(mirror, 'objects', 'pack', pack), 'PACK, but no more than that')
}

async function goesOn(trial: Trial, app: number): Promise<void> {
  await trial.start()
  assert.equal((await trial.send(app, 'v2', { wait: '30s' })).verdict, 'committed')
  await trial.check()
  await trial.end()
}

test('R14: a mirror that was damaged while nobody looked is made anew', async () => {
  const trial = await startTrial()
  assert.equal((await trial.send(0, 'v2', { wait: '30s' })).verdict, 'committed')
  await trial.service().kill()
  damage(mirrorOf(trial))
  await goesOn(trial, 1)
})

test('R14: a mirror that git cannot even open is made anew', async () => {
  const trial = await startTrial()
  assert.equal((await trial.send(0, 'v2', { wait: '30s' })).verdict, 'committed')
  await trial.service().kill()
  writeFileSync(join(mirrorOf(trial), 'config'), '[core')
  await goesOn(trial, 1)
})

test('R14: a mirror that takes long to look through keeps nobody from being heard, nor the server from going down', async () => {
  const shims = mkdtempSync(join(folder, 'shims-'))
  const [begun, go] = [join(shims, 'begun'), join(shims, 'go')]
  const hold = `case " $* " in *" fsck "*) touch ${begun}; while [ ! -e ${go} ]; do sleep 0.05; done ;; esac`
  script(join(shims, 'git'), `${hold}\nexec ${realGit} "$@"`)
  const trial = await startTrial({ shims })
  assert.equal((await trial.send(0, 'v2', { wait: '30s' })).verdict, 'committed')
  await trial.service().kill()
  damage(mirrorOf(trial))
  await trial.start()
  await seen(() => existsSync(begun))
  // What was not looked through to its end counts as unchecked the next time, too.
  assert.equal(await trial.service().stop(), 0)
  rmSync(begun)
  await trial.start()
  await seen(() => existsSync(begun))
  assert.equal((await trial.send(2, 'v2')).status, 202)
  await trial.service().kill()
  writeFileSync(go, '')
  await goesOn(trial, 3)
})
