/**
 * What was accepted, and what came of it: on disk before the answer goes out. One writer; accepts of the same moment
 * share one transaction. Git stays the truth about what should run: a lost journal loses history, not deploys.
 *
 * @module
 */
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { MgoError } from '../error.ts'
import type { RequestId } from '../release/ids.ts'
import type { DeployRequest } from '../release/request.ts'
import type { Verdict } from '../release/verdict.ts'
import { migrate } from './migrations.ts'

export type Kept = { readonly request: DeployRequest; readonly verdict: Verdict | undefined }

/** Asynchronous, so that another store can stand behind it. Throws JOURNAL_FAILED. */
export type Journal = {
  /** Resolves when the request is on disk. */
  accept(request: DeployRequest): Promise<void>
  /** Ends a request; the first verdict counts. */
  finish(verdict: Verdict): Promise<void>
  find(id: RequestId): Promise<Kept | undefined>
  /** Accepted and without a verdict, the oldest first. */
  unfinished(): Promise<readonly DeployRequest[]>
  close(): void
}

type Row = { readonly request: string; readonly verdict: string | null }
type Waiting = {
  readonly request: DeployRequest
  readonly resolve: () => void
  readonly reject: (why: unknown) => void
}

/** Opens the journal; makes file and folder where they are missing. Throws JOURNAL_FAILED. */
export function openJournal(file: string): Journal {
  const database = open(file)
  const insert = database.prepare('INSERT INTO requests (id, accepted_at, request) VALUES (?, ?, ?)')
  const end = database.prepare('UPDATE requests SET verdict = ? WHERE id = ? AND verdict IS NULL')
  const one = database.prepare('SELECT request, verdict FROM requests WHERE id = ?')
  const open_ = database.prepare('SELECT request, verdict FROM requests WHERE verdict IS NULL ORDER BY accepted_at, id')
  let waiting: Waiting[] = []
  const flush = () => {
    const batch = waiting
    waiting = []
    try {
      together(database, () => {
        for (const { request } of batch) insert.run(request.id, request.acceptedAt, JSON.stringify(request))
      })
      for (const { resolve } of batch) resolve()
    } catch (cause) {
      for (const { reject } of batch) reject(failed(file, cause))
    }
  }
  return {
    accept: (request) =>
      new Promise((resolve, reject) => {
        if (waiting.push({ request, resolve, reject }) === 1) setImmediate(flush)
      }),
    finish: async (verdict) => {
      attempt(file, () => end.run(JSON.stringify(verdict), verdict.id))
    },
    find: async (id) => {
      const row = attempt(file, () => one.get(id)) as Row | undefined
      return row === undefined ? undefined : kept(row)
    },
    unfinished: async () => (attempt(file, () => open_.all()) as Row[]).map((row) => kept(row).request),
    close: () => database.close(),
  }
}

function kept({ request, verdict }: Row): Kept {
  return {
    request: JSON.parse(request) as DeployRequest,
    verdict: verdict === null ? undefined : (JSON.parse(verdict) as Verdict),
  }
}

function open(file: string): DatabaseSync {
  return attempt(file, () => {
    if (file !== ':memory:') mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    const database = new DatabaseSync(file, { timeout: 250 })
    // FULL: an accepted request survives the machine, not only the process.
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;')
    migrate(database)
    return database
  })
}

function together(database: DatabaseSync, work: () => void): void {
  database.exec('BEGIN IMMEDIATE')
  try {
    work()
    database.exec('COMMIT')
  } catch (error) {
    database.exec('ROLLBACK')
    throw error
  }
}

function attempt<T>(file: string, work: () => T): T {
  try {
    return work()
  } catch (cause) {
    throw failed(file, cause)
  }
}

function failed(file: string, cause: unknown): MgoError {
  if (cause instanceof MgoError) return cause
  return new MgoError(
    {
      code: 'JOURNAL_FAILED',
      message: `the journal ${file} cannot be written: ${cause instanceof Error ? cause.message : String(cause)}`,
      hint: 'Is the disk full, or the folder read-only? Name another file with --journal.',
    },
    { cause },
  )
}
