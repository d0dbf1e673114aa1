/**
 * Group commit: the writes of one moment share one transaction, and so one wait for the disk. A write that is wrong in
 * itself fails alone; a disk that cannot take the transaction fails them all, and none of them is half there.
 *
 * @module
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite'

export type Group = {
  /** Resolves with what `write` gave, when what it did is on disk. */
  add<T>(write: () => T): Promise<T>
  /** Writes at once what still waits. */
  flush(): void
}

type Waiting = {
  /** Does the work, and gives what tells the asker so. */
  readonly write: () => () => void
  readonly reject: (why: unknown) => void
}

/** One transaction: how many writes shared it, how long it took, and whether the disk took it. */
export type Wrote = { readonly writes: number; readonly ms: number; readonly kept: boolean }

/** Groups the writes of a database. Rejects with what SQLite says. `told` hears of each transaction. */
export function group(database: DatabaseSync, told: (wrote: Wrote) => void = () => undefined): Group {
  const say = statements(database)
  let waiting: Waiting[] = []
  const flush = (): void => {
    const batch = waiting
    waiting = []
    if (batch.length === 0) return
    const begun = performance.now()
    const ended = (kept: boolean) => told({ writes: batch.length, ms: performance.now() - begun, kept })
    try {
      const answers = together(batch, say, () => database.isTransaction)
      ended(true)
      for (const tell of answers) tell()
    } catch (error) {
      ended(false)
      for (const { reject } of batch) reject(error)
    }
  }
  return {
    add: <T>(write: () => T) =>
      new Promise<T>((resolve, reject) => {
        const work = () => {
          const result = write()
          return () => resolve(result)
        }
        if (waiting.push({ write: work, reject }) === 1) setImmediate(flush)
      }),
    flush,
  }
}

type Say = Readonly<Record<'begin' | 'commit' | 'rollback' | 'mark' | 'release' | 'undo', StatementSync>>

function statements(database: DatabaseSync): Say {
  return {
    begin: database.prepare('BEGIN IMMEDIATE'),
    commit: database.prepare('COMMIT'),
    rollback: database.prepare('ROLLBACK'),
    mark: database.prepare('SAVEPOINT one'),
    release: database.prepare('RELEASE one'),
    undo: database.prepare('ROLLBACK TO one'),
  }
}

/** Runs one transaction. Gives what tells each asker, once it is on disk. */
function together(batch: readonly Waiting[], say: Say, isOpen: () => boolean): readonly (() => void)[] {
  const tells: (() => void)[] = []
  say.begin.run()
  try {
    for (const { write, reject } of batch) {
      say.mark.run()
      try {
        tells.push(write())
      } catch (error) {
        // A full disk may end the whole transaction (sqlite.org/lang_transaction.html).
        if (!isOpen()) throw error
        say.undo.run()
        tells.push(() => reject(error))
      }
      say.release.run()
    }
    say.commit.run()
  } catch (error) {
    if (isOpen()) say.rollback.run()
    throw error
  }
  return tells
}
