/**
 * Everything at once, by chance with a seed: kills, lost answers, outages, foreign writers, locks and proper stops while
 * callers go on, and the checker afterwards. `MGO_SEEDS=20 node --test test/e2e/chaos.e2e.ts` runs as many seeds;
 * `MGO_SEED=7` one of them again.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { chance, pause, seeds } from '../faults/chance.ts'
import { startTrial, type Trial } from '../trial.ts'

const apps = 10
const faultsPerSeed = 12

/** The faults, by name; each leaves the world in order again. */
function faultsOf(trial: Trial, next: () => number): Readonly<Record<string, () => Promise<void>>> {
  const some = () => Math.floor(next() * apps)
  return {
    kill: async () => {
      await trial.service().kill()
      await pause(next() * 300)
      await trial.start()
    },
    stop: async () => {
      assert.equal(await trial.service().stop(), 0)
      await trial.start()
    },
    cut: async () => trial.git.fault('cut', 1 + Math.floor(next() * 2)),
    torn: async () => trial.git.fault('torn', 1),
    slow: async () => trial.git.fault('slow', 3),
    outage: async () => {
      await trial.git.stop()
      await pause(next() * 1_500)
      await trial.git.start()
    },
    errors: async () => {
      trial.git.trouble('refuse')
      await pause(next() * 800)
      trial.git.trouble('none')
    },
    full: async () => {
      trial.git.trouble('full')
      await pause(next() * 800)
      trial.git.trouble('none')
    },
    foreign: async () => {
      const turn = Math.floor(next() * 1_000_000)
      trial.foreign(`installations/prod/app${some()}-values.yaml`, (text) => `${text}# foreign ${turn}\n`)
    },
    lock: async () => {
      const lock = join(trial.bare, 'refs', 'heads', 'main.lock')
      if (existsSync(lock)) return
      writeFileSync(lock, '')
      await pause(next() * 600)
      rmSync(lock, { force: true })
    },
  }
}

/** A caller of one source: a new tag now and then, always until it is accepted. */
async function caller(
  trial: Trial,
  app: number,
  course: { readonly next: () => number; isOver: boolean },
): Promise<void> {
  for (let i = 0; !course.isOver; i++) {
    const { id } = await trial.insist(app, `v${i + 2}`, `app-${app}-${i}`)
    if (course.next() < 0.1) await trial.ask(`/v1/deploys/${id}`, { method: 'DELETE' }).catch(() => undefined)
    if (course.next() < 0.2) await trial.ask(`/v1/deploys/${id}?wait=2s`).catch(() => undefined)
    await pause(course.next() * 250)
  }
}

for (const seed of seeds(3)) {
  test(`seed ${seed}`, async () => {
    const next = chance(seed)
    const trial = await startTrial({ apps, args: ['--git-timeout', '5s'] })
    const course = { next: chance(seed + 1_000), isOver: false }
    const callers = Array.from({ length: apps }, (_, app) => caller(trial, app, course))
    const faults = faultsOf(trial, next)
    const names = Object.keys(faults)
    const done: string[] = []
    for (let i = 0; i < faultsPerSeed; i++) {
      const name = names[Math.floor(next() * names.length)] ?? ''
      done.push(name)
      await faults[name]?.()
      await pause(next() * 500)
    }
    course.isOver = true
    await Promise.all(callers)
    try {
      await trial.check()
    } catch (error) {
      throw new Error(`seed ${seed}, after ${done.join(', ')}`, { cause: error })
    }
    await trial.end()
  })
}
