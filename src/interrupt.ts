/**
 * Ctrl-C leaves nothing half done: what is under way (a push, an apply) is finished, nothing new is begun, and then mgo ends.
 * A second Ctrl-C ends it at once.
 *
 * @module
 */
import { MgoError } from './error.ts'
import type { Engine, Repo, World } from './ports.ts'

export type Gate = {
  /** Does the work, unless mgo was told to stop; then it throws INTERRUPTED. */
  pass<T>(work: () => Promise<T>): Promise<T>
  /** Lets nothing pass any more; resolves when what is inside has come out. */
  close(): Promise<void>
}

/** Makes an open gate. */
export function openGate(): Gate {
  let closed = false
  const inside = new Set<Promise<unknown>>()
  return {
    async pass(work) {
      if (closed) throw interrupted()
      const going = work()
      inside.add(going)
      try {
        return await going
      } finally {
        inside.delete(going)
      }
    },
    async close() {
      closed = true
      await Promise.allSettled(inside)
    },
  }
}

/** A world whose pushes and applies go through the gate. Reading, and commits that no branch knows yet, leave no trace. */
export function guarded(world: World, gate: Gate): World {
  const engines = world.engines.map((one) => guardedEngine(one, gate))
  return { ...world, repo: guardedRepo(world.repo, gate), engines }
}

function guardedRepo(repo: Repo, gate: Gate): Repo {
  return {
    ...repo,
    push: (base, next) => gate.pass(() => repo.push(base, next)),
    other: (branch) => guardedRepo(repo.other(branch), gate),
  }
}

function guardedEngine(engine: Engine, gate: Gate): Engine {
  return {
    ...engine,
    apply: (unit, target, record) => gate.pass(() => engine.apply(unit, target, record)),
    remove: (record, target) => gate.pass(() => engine.remove(record, target)),
  }
}

/** A terminal tells the whole group, and whoever starts mgo may tell it again: that is one wish. */
const sameWishMs = 1_000

/** Listens for Ctrl-C and SIGTERM; `end` is given the exit code that a shell expects. */
export function onInterrupt(gate: Gate, say: (line: string) => void, end: (code: number) => void): void {
  let first: number | undefined
  const stop = (code: number) => {
    if (first !== undefined) {
      if (performance.now() - first > sameWishMs) end(code)
      return
    }
    first = performance.now()
    say('stopping: what is under way is finished, nothing new is begun; once more to stop at once')
    void gate.close().then(() => {
      say('stopped. A commit that was pushed stays: mgo sync brings the cluster to it.')
      end(code)
    })
  }
  process.on('SIGINT', () => stop(130))
  process.on('SIGTERM', () => stop(143))
}

function interrupted(): MgoError {
  return new MgoError({
    code: 'INTERRUPTED',
    message: 'mgo was told to stop',
    hint: 'Nothing more was begun. Run the command again when you like.',
  })
}
