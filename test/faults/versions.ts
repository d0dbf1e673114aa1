/**
 * One journal, served in turn by this mgo, by a newer one, and where git's history is at hand by an older one.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type Chance, between, oneOf, pause } from './chance.ts'
import { apps, type Fault } from './fault.ts'

const root = join(import.meta.dirname, '..', '..')
const folder = mkdtempSync(join(tmpdir(), 'mgo-versions-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
const steps = join('src', 'journal', 'migrations.ts')

type Program = 'this' | 'newer' | 'older'

/** A folder for the whole program of another version. Its packages are those of this one. */
function place(program: Program): string {
  const at = join(folder, program)
  mkdirSync(at)
  symlinkSync(join(root, 'node_modules'), join(at, 'node_modules'))
  return at
}

/** This program and one step more of the journal's shape: the next release. */
function newer(): string {
  const at = place('newer')
  for (const name of ['src', 'package.json']) cpSync(join(root, name), join(at, name), { recursive: true })
  const text = readFileSync(join(at, steps), 'utf8')
  const more =
    "  `ALTER TABLE requests ADD COLUMN mood TEXT NOT NULL DEFAULT 'fine'; CREATE TABLE moods (n INTEGER) STRICT;`,\n"
  const next = text.replace(/^\]$/m, `${more}]`)
  assert.notEqual(next, text, 'the list of steps was found')
  writeFileSync(join(at, steps), next)
  return join(at, 'src', 'main.ts')
}

/** The program as it was before the journal's shape was changed last; a shallow clone does not know it. */
function older(): string | undefined {
  const git = (...args: readonly string[]) => spawnSync('git', args, { cwd: root, encoding: 'utf8' })
  const last = git('log', '-1', '--format=%H', '--', steps).stdout.trim()
  const found = git('rev-parse', '--verify', '--quiet', `${last}~1^{commit}`)
  if (last === '' || found.status !== 0) return undefined
  const at = place('older')
  const tar = execFileSync('git', ['archive', found.stdout.trim(), 'src', 'package.json'], {
    cwd: root,
    maxBuffer: 64 * 1024 * 1024,
  })
  execFileSync('tar', ['-x', '-C', at], { input: tar })
  return join(at, 'src', 'main.ts')
}

let made: ReadonlyMap<Program, string> | undefined
function programs(): ReadonlyMap<Program, string> {
  if (made !== undefined) return made
  const before = older()
  made = new Map<Program, string>([
    ['this', join(root, 'src', 'main.ts')],
    ['newer', newer()],
    ...(before === undefined ? [] : [['older', before] as const]),
  ])
  return made
}

/** The number of steps that the file has seen; nobody may serve it meanwhile. */
function shape(file: string): number {
  const database = new DatabaseSync(file, { readOnly: true })
  const { user_version: version } = database.prepare('PRAGMA user_version').get() as { user_version: number }
  database.close()
  return version
}

/** Up to the newer one, back, and then whatever comes. */
function courseOf(next: Chance): readonly Program[] {
  const all = [...programs().keys()]
  const back: Program = all.includes('older') ? 'older' : 'this'
  const rest = Array.from({ length: between(next, 1, 2) }, () => oneOf<Program>(next, ['this', ...all]))
  return ['newer', back, ...rest, 'this']
}

/** With SIGTERM between them, in the middle of everything. */
export function rolled(): Fault {
  let now: Program = 'this'
  return {
    row: 'R35',
    does: 'SIGTERM in the middle of everything, and a newer mgo, an older one and this one go on with the same journal',
    options: () => ({ main: () => programs().get(now) ?? '' }),
    async play({ trial, next, load }) {
      const journal = join(trial.mgo.state, 'state', 'journal.sqlite')
      const shapes: number[] = []
      for (const program of courseOf(next)) {
        await load.reached(trial.accepted() + between(next, 1, apps / 2))
        await pause(next() * 400)
        const begunMs = performance.now()
        assert.equal(await trial.service().stop(), 0)
        assert.ok(performance.now() - begunMs < 30_000)
        shapes.push(shape(journal))
        now = program
        await trial.start()
      }
      // The newer one came first, and nobody after it takes its step back.
      const [before = 0, ...after] = shapes
      assert.deepEqual(new Set(after), new Set([before + 1]))
    },
  }
}
