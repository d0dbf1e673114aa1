/**
 * What a fault is, and the load that it comes upon.
 *
 * @module
 */
import type { Trial, TrialOptions } from '../trial.ts'
import { type Chance, pause } from './chance.ts'

/** Sources that deploy at once: all of them have a request under way when the fault comes. */
export const apps = 120

export type Course = { readonly trial: Trial; readonly next: Chance; readonly load: Load }

/** A row of the matrix. It leaves the world in order again, so that everything can come to its end. */
export type Fault = {
  readonly row: string
  readonly does: string
  /** Before there is a server. */
  readonly prepare?: (next: Chance) => Promise<void>
  /** What the server is started with. */
  readonly options?: (next: Chance) => TrialOptions
  /** Before the first request. */
  readonly before?: (course: Omit<Course, 'load'>) => void | Promise<void>
  readonly play: (course: Course) => Promise<void>
  /** What must be true beyond what the checker looks at, when all have their verdicts. */
  readonly after?: (course: Course) => Promise<void>
}

export type Load = {
  /** Resolves when that many were accepted, or the load is over. */
  reached(count: number): Promise<void>
  /** Resolves when all callers have what they wanted: a 202 for each of their requests. */
  readonly over: Promise<unknown>
  isOver(): boolean
}

/** Every source sends at once, and then again now and then: three times, each until it is accepted. */
export function startLoad(trial: Trial, next: Chance): Load {
  let isOver = false
  const caller = async (app: number): Promise<void> => {
    for (let turn = 0; turn < 3; turn++) {
      await trial.insist(app, `n${turn}`, `app-${app}-${turn}`)
      await pause(next() * 900)
    }
  }
  const over = Promise.all(Array.from({ length: apps }, (_, app) => caller(app))).then(() => {
    isOver = true
  })
  // Whoever waits for it hears of it.
  over.catch(() => undefined)
  return {
    over,
    isOver: () => isOver,
    async reached(count) {
      while (!isOver && trial.accepted() < count) await pause(5)
    },
  }
}
