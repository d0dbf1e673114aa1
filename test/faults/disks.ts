/**
 * Disks that are full, read-only or damaged, and a process that may open few files.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { globSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inside, mountsOfItsOwn } from '../mounts.ts'
import { between, oneOf, pause } from './chance.ts'
import { apps, type Fault } from './fault.ts'

const folder = mkdtempSync(join(tmpdir(), 'mgo-disks-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

const damagedMirror: Fault = {
  row: 'R14',
  does: 'files of the mirror are cut off, emptied or gone after a kill -9',
  async play({ trial, next, load }) {
    for (let turns = between(next, 1, 2); turns > 0; turns--) {
      await load.reached(between(next, 1, apps))
      await pause(next() * 500)
      await trial.service().kill()
      const files = globSync('state/git/*/{objects/**,refs/**,packed-refs,HEAD,config,FETCH_HEAD}', {
        cwd: trial.mgo.state,
      })
      // A program that outlives its server for a moment takes its unfinished files with it.
      const own = files.filter((name) => !name.includes('/tmp_'))
      const all = own.map((name) => join(trial.mgo.state, name)).filter((name) => statSync(name).isFile())
      for (let i = between(next, 1, 3); i > 0 && all.length > 0; i--) {
        const [file = ''] = all.splice(between(next, 0, all.length - 1), 1)
        const what = oneOf(next, ['cut', 'gone', 'other'])
        if (what === 'gone') rmSync(file)
        else {
          execFileSync('chmod', ['u+w', file])
          if (what === 'cut') truncateSync(file, Math.floor(statSync(file).size * next()))
          else writeFileSync(file, 'something else\n')
        }
      }
      await trial.start()
    }
  },
}

const places = ['state', 'state/git', 'tmp'] as const

function fullDisk(): Fault {
  const mount = mkdtempSync(join(folder, 'small-'))
  return {
    row: 'R15',
    does: 'the disk of the journal, of the mirror, or of temporary files is full',
    options: () => ({
      under: mountsOfItsOwn(mount, { state: 24, 'state/git': 24, tmp: 8 }),
      stateIn: join(mount, 'state'),
      env: { TMPDIR: join(mount, 'tmp') },
    }),
    async play({ trial, next, load }) {
      for (let turns = between(next, 1, 3); turns > 0; turns--) {
        await load.reached(between(next, 1, apps))
        await pause(next() * 300)
        const fill = join(mount, oneOf(next, places), 'fill')
        inside(trial, `dd if=/dev/zero of=${fill} bs=4k 2>/dev/null || true`)
        await pause(next() * 2_000)
        assert.equal((await trial.ask('/healthz')).status, 200)
        inside(trial, `rm ${fill}`)
      }
    },
  }
}

function noWrites(): Fault {
  const mount = mkdtempSync(join(folder, 'state-'))
  return {
    row: 'R17',
    does: 'the file system turns read-only, and every write of the journal fails',
    options: () => ({ under: mountsOfItsOwn(mount, { state: 64 }), stateIn: join(mount, 'state') }),
    async play({ trial, next, load }) {
      for (let turns = between(next, 1, 3); turns > 0; turns--) {
        await load.reached(between(next, 1, apps))
        await pause(next() * 300)
        const { pid } = trial.service()
        const limit = (bytes: string) => execFileSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}:unlimited`])
        const state = join(mount, 'state')
        const isJournal = next() < 0.5
        // What is open for writing keeps a file system from being turned read-only, so the journal's writes fail by a
        // limit, and all files that are opened from now on by the mount.
        if (isJournal) limit(String(between(next, 1, 4_096)))
        inside(trial, `mount --bind ${state} ${state} && mount -o remount,ro,bind ${state}`)
        await pause(next() * 1_500)
        assert.equal((await trial.ask('/healthz')).status, 200)
        // Lazily: a git that lives on may have been started meanwhile.
        inside(trial, `umount -l ${state}`)
        limit('unlimited')
      }
    },
  }
}

const fewFiles: Fault = {
  row: 'R36',
  does: 'the process may open fewer files than it needs, beside idle callers',
  async play({ trial, next, load }) {
    const { pid, url } = trial.service()
    const limit = (files: number) => execFileSync('prlimit', ['--pid', String(pid), `--nofile=${files}:4096`])
    for (let turns = between(next, 1, 3); turns > 0; turns--) {
      await load.reached(between(next, 1, apps))
      limit(between(next, 24, 120))
      const idle = Array.from({ length: between(next, 0, 150) }, () => connect(Number(new URL(url).port), '127.0.0.1'))
      for (const socket of idle) socket.on('error', () => undefined)
      await pause(next() * 2_000)
      for (const socket of idle) socket.destroy()
      limit(4_096)
      await pause(next() * 300)
    }
  },
}

export const disks: readonly (() => Fault)[] = [() => damagedMirror, fullDisk, noWrites, () => fewFiles]
