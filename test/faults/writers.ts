/**
 * Others write to the same branch, and the git server has rules and moods of its own.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { git } from '../git-server.ts'
import { script } from '../seen.ts'
import type { Trial } from '../trial.ts'
import { between, type Chance, pause } from './chance.ts'
import { apps, type Fault } from './fault.ts'

type Change = { readonly file: string; readonly text: string }

/** One commit upon the tip as it is now, where nobody was faster. The commit's id, or `undefined`. */
function upon(trial: Trial, tip: string, { file, text }: Change): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn('git', ['--git-dir', trial.bare, 'fast-import', '--quiet', '--date-format=now', '--done'])
    let out = ''
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString()
    })
    child.stderr.resume()
    child.stdin.on('error', () => undefined)
    const data = (words: string) => `data ${Buffer.byteLength(words)}\n${words}\n`
    child.stdin.end(
      `commit refs/heads/main\nmark :1\ncommitter Foreign <foreign@example.com> now\n${data('A foreign change')}` +
        `from ${tip}\nM 100644 inline ${file}\n${data(text)}\nget-mark :1\ndone\n`,
    )
    child.on('error', () => resolve(undefined))
    // It moves no branch that has moved meanwhile, and says so with its exit code.
    child.on('close', (code) => resolve(code === 0 ? out.trim() : undefined))
  })
}

/** Writes until it goes through. */
async function write(trial: Trial, change: () => Change & { readonly line?: string }): Promise<void> {
  for (let turn = 0; turn < 200; turn++) {
    const tip = git(trial.bare, 'rev-parse', 'main').trim()
    const made = change()
    const oid = await upon(trial, tip, made)
    if (oid !== undefined) return trial.landed(oid, made.line === undefined ? {} : { [made.file]: made.line })
  }
  throw new Error('the foreign commit never went through')
}

/** Notes the requests of each push that comes, also of those that lose: they are told so after this hook. */
function countPushes(trial: Trial): (id: string | undefined) => number {
  const file = join(trial.git.root, 'pushed')
  writeFileSync(file, '')
  const ids = "git log '--format=%(trailers:key=Mgo-Request,valueonly)' $old..$new"
  script(join(trial.bare, 'hooks', 'pre-receive'), `read old new ref; ${ids} >> ${file}`)
  return (id) => readFileSync(file, 'utf8').split(`${id}\n`).length - 1
}

/** Pushes to files of no deploy every so many milliseconds, until `done`; the work of a push counts. */
async function pushing(trial: Trial, everyMs: number, done: (turn: number) => boolean): Promise<void> {
  for (let i = 0; !done(i); i++) {
    const dueMs = performance.now() + everyMs
    await write(trial, () => ({ file: `foreign/${i % 7}.txt`, text: `${i}\n` }))
    await pause(Math.max(0, dueMs - performance.now()))
  }
}

/** Deploys one after the other. Gives their ids and what one took, in milliseconds. */
async function deploys(trial: Trial, next: Chance, tags: readonly string[]) {
  const begunMs = performance.now()
  const ids: (string | undefined)[] = []
  for (const tag of tags) {
    const { id } = await trial.insist(between(next, 0, apps - 1), tag, tag)
    assert.equal((await trial.verdict(id)).verdict, 'committed')
    ids.push(id)
  }
  return { ids, eachMs: (performance.now() - begunMs) / tags.length }
}

type Beside = { readonly everyMs: number; readonly pushes: (id: string | undefined) => number }

/** A hundred deploys beside a foreign writer; how often each was pushed, the least first. */
async function beside(trial: Trial, next: Chance, { everyMs, pushes }: Beside): Promise<readonly number[]> {
  let isOver = false
  const others = pushing(trial, everyMs, () => isOver)
  const { ids } = await deploys(trial, next, tagged(`beside-${trial.accepted()}`, 100)).finally(() => {
    isOver = true
  })
  await others
  return ids.map(pushes).toSorted((a, b) => a - b)
}

const tagged = (name: string, count: number) => Array.from({ length: count }, (_, i) => `${name}-${i}`)

const disjoint: Fault = {
  row: 'R6',
  does: 'a foreign writer pushes twenty times a second beside it, and then once in the time of eight deploys',
  async play({ trial, next, load }) {
    // Whoever takes longer for a push than others do between two of theirs is always late.
    trial.git.fault('none', 0)
    const pushes = countPushes(trial)
    await pushing(trial, 1_000 / 20, (turn) => load.isOver() && turn >= 60)
    await trial.settled()
    const most = Math.max(...trial.sent().map(({ id }) => pushes(id)))
    assert.ok(most > 1, 'no race was lost, so nothing was tried')

    // What else runs on the machine may come between a few pushes of one hundred, hardly of three.
    let counts: readonly number[] = []
    for (let turn = 1; turn <= 3 && (counts[98] ?? Number.POSITIVE_INFINITY) > 3; turn++) {
      const { eachMs } = await deploys(trial, next, tagged(`alone-${turn}`, 10))
      counts = await beside(trial, next, { everyMs: 8 * eachMs, pushes })
    }
    assert.ok((counts[98] ?? 0) <= 3, `the pushes of each of a hundred: ${counts.join(' ')}`)
    assert.ok((counts[0] ?? 0) > 0, 'each was seen')
  },
}

const sameFile: Fault = {
  row: 'R7',
  does: 'foreign commits change the very files that are deployed',
  async play({ trial, next, load }) {
    for (let i = 0; i < 40 || (!load.isOver() && i < 80); i++) {
      const file = trial.path(between(next, 0, apps - 1))
      const line = `# foreign ${i}`
      await write(trial, () => ({ file, line, text: `${git(trial.bare, 'show', `main:${file}`)}${line}\n` }))
      await pause(next() * 100)
    }
  },
}

const goneFile: Fault = {
  row: 'R8',
  does: 'foreign commits delete files and keys that requests wait for',
  async play({ trial, next, load }) {
    await load.reached(between(next, 1, apps))
    for (let i = between(next, 3, 6); i > 0; i--) {
      const app = between(next, 0, apps - 1)
      if (!git(trial.bare, 'ls-tree', '-r', '--name-only', 'main').includes(`${trial.path(app)}\n`)) continue
      const isMoved = next() < 0.5
      trial.foreign(trial.path(app), (text) =>
        isMoved ? text.replace(`github.com/acme/app${app}:`, `github.com/acme/moved${app}:`) : undefined,
      )
      await pause(next() * 300)
    }
  },
}

const locked: Fault = {
  row: 'R9',
  does: 'a lock is left on the branch of the git server',
  async play({ trial, next, load }) {
    const lock = join(trial.bare, 'refs', 'heads', 'main.lock')
    for (let i = between(next, 1, 3); i > 0; i--) {
      await load.reached(between(next, 1, apps))
      writeFileSync(lock, '')
      await pause(next() * 2_000)
      rmSync(lock, { force: true })
      await pause(next() * 400)
    }
  },
}

function forbidden(): Fault {
  const who = new Set<number>()
  return {
    row: 'R10',
    does: 'a rule of the git server refuses some authors',
    options(next) {
      for (let i = between(next, 1, 4); i > 0; i--) who.add(between(next, 0, apps - 1))
      return { author: (app) => (who.has(app) ? `Mallory ${app} <m@example.com>` : undefined) }
    },
    before({ trial }) {
      const rule = 'if git log --format=%an $old..$new | grep -q Mallory; then echo "not Mallory"; exit 1; fi'
      script(join(trial.bare, 'hooks', 'pre-receive'), `read old new ref\n${rule}`)
    },
    play: ({ load }) => load.over.then(() => undefined),
    async after({ trial }) {
      assert.ok(!git(trial.bare, 'log', '--format=%an', 'main').includes('Mallory'))
      const pushes = trial.git.pushes()
      await pause(700)
      assert.equal(trial.git.pushes(), pushes, 'what is refused is not tried again')
    },
  }
}

const rewritten: Fault = {
  row: 'R13',
  does: 'the branch is thrown back to an older commit; the next start takes it as it is',
  async play({ trial, next, load }) {
    await load.reached(between(next, 1, 2 * apps))
    await pause(next() * 800)
    const tip = git(trial.bare, 'rev-parse', 'main').trim()
    const older = git(trial.bare, 'rev-list', '--max-parents=0', 'main').trim()
    trial.rewrote(tip)
    git(trial.bare, 'update-ref', 'refs/heads/main', older)
    await load.over
    await pause(500)
    await trial.service().stop()
    // What was pushed upon the older one before mgo looked is its own.
    await trial.start()
    const { id } = await trial.insist(0, 'afterwards', 'afterwards')
    assert.equal((await trial.verdict(id)).verdict, 'committed')
  },
}

export const writers: readonly (() => Fault)[] = [
  () => disjoint,
  () => sameFile,
  () => goneFile,
  () => locked,
  forbidden,
  () => rewritten,
]
