/**
 * The server dies, or is told to go, at moments that are found from outside: by a git of the test before the real one,
 * and by hooks of the bare repository.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { script } from '../seen.ts'
import type { Trial } from '../trial.ts'
import { between, oneOf, pause } from './chance.ts'
import { apps, type Fault } from './fault.ts'

const folder = mkdtempSync(join(tmpdir(), 'mgo-deaths-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
const realGit = execFileSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim()

async function dies(trial: Trial, restMs = 0): Promise<void> {
  await trial.service().kill()
  await pause(restMs)
  await trial.start()
}

/** Starts the server again as often as it dies, until `over`. The file `pid` has its process. */
async function raised(trial: Trial, over: Promise<unknown>, pid: string): Promise<number> {
  for (let deaths = 0; ; deaths++) {
    writeFileSync(pid, String(trial.service().pid))
    const died = await Promise.race([trial.service().ended.then(() => true), over.then(() => false)])
    if (!died) return deaths
    await trial.start()
  }
}

/** All verdicts are in, whichever process gives them. */
async function settled(trial: Trial): Promise<void> {
  const endMs = performance.now() + 120_000
  const open = async () =>
    Number(
      /^mgo_requests_open (\d+)/m.exec(
        await fetch(`${trial.service().url}/metrics`)
          .then((response) => response.text())
          .catch(() => ''),
      )?.[1] ?? Number.NaN,
    )
  while ((await open()) !== 0) {
    assert.ok(performance.now() < endMs, 'verdicts are missing')
    await pause(50)
  }
}

const afterTheAnswer: Fault = {
  row: 'R1',
  does: 'kill -9 after the 202 and before the commit',
  before: ({ trial }) => trial.git.stop(),
  async play({ trial, next, load }) {
    for (let deaths = between(next, 1, 3); deaths > 0; deaths--) {
      await load.reached(between(next, 1, apps))
      await dies(trial, next() * 200)
    }
    await load.reached(apps)
    await dies(trial)
    await trial.git.start()
  },
}

/**
 * A git whose first import hangs in the middle: it has had `bytes` of what should be written. The server keeps one import for all
 * of its batches, and waits for the end of each, so nothing may be held back before.
 */
function halting(bytes: number): { readonly shims: string; readonly marker: string } {
  const shims = mkdtempSync(join(folder, 'shims-'))
  const marker = join(shims, 'marker')
  const begun = join(shims, 'begun')
  const lines = [
    'case " $* " in *" fast-import "*)',
    `  if [ ! -e ${begun} ]; then echo $$ > ${begun}`,
    `    (dd bs=1 count=${bytes} status=none; mv ${begun} ${marker}; touch ${begun}; exec sleep 30) | ${realGit} "$@"; exit 1; fi ;;`,
    'esac',
    `exec ${realGit} "$@"`,
  ]
  script(join(shims, 'git'), lines.join('\n'))
  return { shims, marker }
}

function duringTheImport(): Fault {
  let marker = ''
  return {
    row: 'R2',
    does: 'kill -9 of the import, of the server, or of both, while commits are written',
    options(next) {
      const git = halting(between(next, 0, 20_000))
      marker = git.marker
      return { shims: git.shims }
    },
    async play({ trial, next }) {
      // Each source has one commit at least, so that many bytes do come, if not before the last request is accepted.
      for (const endMs = performance.now() + 30_000; !existsSync(marker) && performance.now() < endMs; ) await pause(10)
      assert.ok(existsSync(marker), 'the import never hung')
      await pause(next() * 100)
      const who = oneOf(next, ['import', 'server', 'both'])
      const endImport = () => {
        process.kill(-Number(readFileSync(marker, 'utf8')), 'SIGKILL')
      }
      if (who === 'import') return endImport()
      if (who === 'both') endImport()
      await dies(trial)
      if (who === 'server') endImport()
    },
  }
}

const beforeThePush: Fault = {
  row: 'R3',
  does: 'kill -9 after the commits are written and before the push is taken',
  async play({ trial, next, load }) {
    for (let deaths = between(next, 1, 2); deaths > 0 && !load.isOver(); deaths--) {
      const pushes = trial.git.pushes()
      trial.git.fault('hang')
      while (trial.git.pushes() === pushes && !load.isOver()) await pause(5)
      await pause(next() * 20)
      await dies(trial)
    }
    trial.git.fault('none', 0)
  },
}

/** A hook that kills the server in those pushes. */
function killer(trial: Trial, hook: string, when: string): string {
  const pid = join(mkdtempSync(join(folder, 'pid-')), 'pid')
  script(join(trial.bare, 'hooks', hook), `if ${when}; then kill -9 $(cat ${pid}); sleep 0.5; fi`)
  return pid
}

const beforeTheAck: Fault = {
  row: 'R4',
  does: 'kill -9 after the git server took the push and before its answer; meanwhile others push, too',
  async play({ trial, next, load }) {
    const count = join(mkdtempSync(join(folder, 'count-')), 'count')
    const turns = [between(next, 1, 2), between(next, 3, 4)]
    const when = `echo . >> ${count}; n=$(wc -l < ${count}); [ $n -eq ${turns[0]} ] || [ $n -eq ${turns[1]} ]`
    const pid = killer(trial, 'post-receive', when)
    const up = raised(
      trial,
      load.over.then(() => settled(trial)),
      pid,
    )
    // Whoever waits for it hears of it.
    up.catch(() => undefined)
    await load.reached(apps)
    for (let i = 0; i < 3; i++) {
      trial.foreign(trial.path(between(next, 0, apps - 1)), (text) => `${text}# foreign ${i}\n`)
      await pause(next() * 300)
    }
    assert.ok((await up) > 0)
    rmSync(join(trial.bare, 'hooks', 'post-receive'))
  },
}

const lostAnswer: Fault = {
  row: 'R5',
  does: 'the answer to a push is lost, or comes in part',
  async play({ trial, next, load }) {
    for (let i = 0; i < 4 && !load.isOver(); i++) {
      const kind = next() < 0.5 ? 'cut' : 'torn'
      trial.git.fault(kind, between(next, 1, 2), next())
      await pause(next() * 600)
    }
    trial.git.fault('none', 0)
  },
}

const poison: Fault = {
  row: 'R33',
  does: 'one request kills the server each time that it is pushed',
  async play({ trial, next, load }) {
    const pushed = 'read old new ref; git log --format=%s $old..$new | grep -q poison'
    const pid = killer(trial, 'pre-receive', pushed)
    await load.reached(between(next, 1, apps))
    let isOver = false
    const sending = trial.insist(between(next, 0, apps - 1), 'poison', 'poison')
    const all = Promise.all([sending, load.over])
      .then(() => settled(trial))
      .finally(() => {
        isOver = true
      })
    const deaths = await raised(trial, all, pid)
    assert.ok(isOver)
    const { id } = await sending
    const word = (await trial.verdict(id)).problem?.code
    // A later one for the same source may have taken its place before anybody died of it.
    assert.ok(word === 'REQUEST_POISON' || deaths <= 2, `${word} after ${deaths} deaths`)
    rmSync(join(trial.bare, 'hooks', 'pre-receive'))
  },
}

/** Made anew for each trial. */
export const deaths: readonly (() => Fault)[] = [
  () => afterTheAnswer,
  duringTheImport,
  () => beforeThePush,
  () => beforeTheAck,
  () => lostAnswer,
  () => poison,
]
