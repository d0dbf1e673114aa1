/**
 * Group commit: the writes of one moment share one transaction, and so one wait for the disk. A write that is wrong in
 * itself fails alone; a disk that cannot take the transaction fails them all, and none of them is half there.
 *
 * @module
 */
import type { DatabaseSync } from 'node:sqlite'

export type Group = {
  /** Resolves when what `write` did is on disk. */
  add(write: () => void): Promise<void>
  /** Writes at once what still waits. */
  flush(): void
}

type Waiting = { readonly write: () => void; readonly resolve: () => void; readonly reject: (why: unknown) => void }

/** Groups the writes of a database. Rejects with what SQLite says. */
export function group(database: DatabaseSync): Group {
  let waiting: Waiting[] = []
  const flush = (): void => {
    const batch = waiting
    waiting = []
    if (batch.length === 0) return
    try {
      const wrong = together(database, batch)
      for (const one of batch) {
        if (wrong.has(one)) one.reject(wrong.get(one))
        else one.resolve()
      }
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }
  return {
    add: (write) =>
      new Promise((resolve, reject) => {
        if (waiting.push({ write, resolve, reject }) === 1) setImmediate(flush)
      }),
    flush,
  }
}

function together(database: DatabaseSync, batch: readonly Waiting[]): ReadonlyMap<Waiting, unknown> {
  const wrong = new Map<Waiting, unknown>()
  database.exec('BEGIN IMMEDIATE')
  try {
    for (const one of batch) {
      try {
        one.write()
      } catch (error) {
        // A broken rule undoes its statement only; a full disk ends the whole transaction (sqlite.org/lang_transaction.html).
        if (!database.isTransaction) throw error
        wrong.set(one, error)
      }
    }
    database.exec('COMMIT')
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
  return wrong
}
