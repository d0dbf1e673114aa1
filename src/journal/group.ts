/**
 * Group commit: the writes of one moment share one transaction, and so one wait for the disk. A write that is wrong in
 * itself fails alone; a disk that cannot take the transaction fails them all, and none of them is half there.
 *
 * @module
 */
import type { DatabaseSync } from 'node:sqlite'

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
  let waiting: Waiting[] = []
  const flush = (): void => {
    const batch = waiting
    waiting = []
    if (batch.length === 0) return
    const begun = performance.now()
    const ended = (kept: boolean) => told({ writes: batch.length, ms: performance.now() - begun, kept })
    try {
      const answers = together(database, batch)
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

/** Runs one transaction. Gives what tells each asker, once it is on disk. */
function together(database: DatabaseSync, batch: readonly Waiting[]): readonly (() => void)[] {
  const tells: (() => void)[] = []
  database.exec('BEGIN IMMEDIATE')
  try {
    for (const { write, reject } of batch) {
      database.exec('SAVEPOINT one')
      try {
        tells.push(write())
        database.exec('RELEASE one')
      } catch (error) {
        // A full disk may end the whole transaction (sqlite.org/lang_transaction.html).
        if (!database.isTransaction) throw error
        database.exec('ROLLBACK TO one; RELEASE one')
        tells.push(() => reject(error))
      }
    }
    database.exec('COMMIT')
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
  return tells
}
