import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { inFolder } from './work.ts'

const home = mkdtempSync(join(tmpdir(), 'mgo-helm-'))
const within = join(home, 'work')
after(() => rmSync(home, { recursive: true, force: true }))

test('a folder is for nobody else, and is gone afterwards, also where the call failed', async () => {
  const folders: string[] = []
  await inFolder(home, async (folder) => {
    folders.push(folder)
    assert.equal(statSync(folder).mode & 0o777, 0o700)
    writeFileSync(join(folder, 'values.yaml'), 'secret')
  })
  const failing = inFolder(home, async (folder) => {
    folders.push(folder)
    throw new Error('helm failed')
  })
  await assert.rejects(failing, /helm failed/)
  assert.deepEqual(folders.map(existsSync), [false, false])
})

test('what a killed mgo left goes; what a living one has stays', async () => {
  const killed = `const { inFolder } = await import(${JSON.stringify(join(import.meta.dirname, 'work.ts'))})
    await inFolder(${JSON.stringify(home)}, async () => process.kill(process.pid, 'SIGKILL'))`
  spawnSync(process.execPath, ['--input-type=module', '--eval', killed])
  assert.equal(readdirSync(within).length, 1, 'the killed one left its folder')
  await inFolder(home, (mine) =>
    inFolder(home, async (other) => {
      assert.deepEqual(
        readdirSync(within)
          .map((name) => join(within, name))
          .toSorted(),
        [mine, other].toSorted(),
      )
    }),
  )
})

const day = 24 * 60 * 60
const ages: [name: string, seconds: number, stays: boolean, why: string][] = [
  ['0123456789ab.1.1.abc', 60, true, 'another machine may be at it'],
  ['0123456789ab.1.2.abc', day + 60, false, 'nobody is at it for a day'],
  ['release-abc', day + 60, false, 'a name of an earlier mgo'],
]
for (const [name, seconds, stays, why] of ages)
  test(`a folder of somebody unknown (${name}): ${why}`, async () => {
    const folder = join(within, name)
    mkdirSync(folder, { recursive: true })
    const at = Date.now() / 1000 - seconds
    utimesSync(folder, at, at)
    await inFolder(home, async () => undefined)
    assert.equal(existsSync(folder), stays)
  })
