/**
 * What was accepted, and what came of it: on disk before the answer goes out. One writer; what is written in the same
 * moment shares one transaction. Git stays the truth about what should run: a lost journal loses history, not deploys.
 *
 * @module
 */
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import type { Commit, RequestId } from '../release/ids.ts'
import type { DeployRequest } from '../release/request.ts'
import type { Verdict } from '../release/verdict.ts'
import { journalError } from './error.ts'
import { group } from './group.ts'
import { migrate } from './migrations.ts'

export type Kept = {
  readonly request: DeployRequest
  readonly commit: Commit | undefined
  readonly verdict: Verdict | undefined
}

/** Asynchronous, so that another store can stand behind it. Throws JOURNAL_FAILED. */
export type Journal = {
  /** Resolves when the request is on disk. */
  accept(request: DeployRequest): Promise<void>
  /** Notes the commit of a request that has no verdict yet. */
  committed(id: RequestId, commit: Commit): Promise<void>
  /** Ends a request; the first verdict counts. */
  finish(verdict: Verdict): Promise<void>
  find(id: RequestId): Promise<Kept | undefined>
  /** Accepted and without a verdict, the oldest first. */
  unfinished(): Promise<readonly DeployRequest[]>
  /** The last `limit` requests, the newest first; 1,000 at most. */
  recent(limit: number): Promise<readonly Kept[]>
  /** Writes what still waits, and lets the file go. */
  close(): void
}

type Row = { readonly request: string; readonly commit_id: string | null; readonly verdict: string | null }

/** Opens the journal; makes file and folder where they are missing. Throws JOURNAL_FAILED. */
export function openJournal(file: string): Journal {
  const attempt = <T>(work: () => T): T => {
    try {
      return work()
    } catch (cause) {
      throw journalError(file, cause)
    }
  }
  const database = attempt(() => open(file))
  const say = statements(database)
  const writes = group(database)
  const write = (work: () => void): Promise<void> =>
    writes.add(work).catch((cause: unknown) => {
      throw journalError(file, cause)
    })
  return {
    accept: (request) => {
      const { id, acceptedAt } = request
      const text = JSON.stringify(request)
      return write(() => say.insert.run(id, acceptedAt, text))
    },
    committed: (id, commit) => write(() => say.commit.run(commit, id)),
    finish: (verdict) => {
      const text = JSON.stringify(verdict)
      return write(() => say.end.run(text, verdict.commit ?? null, verdict.id))
    },
    find: async (id) => {
      const row = attempt(() => say.one.get(id)) as Row | undefined
      return row === undefined ? undefined : kept(row)
    },
    unfinished: async () => (attempt(() => say.open.all()) as Row[]).map((row) => kept(row).request),
    recent: async (limit) =>
      (attempt(() => say.recent.all(Math.min(Math.max(Math.trunc(limit), 1), 1_000))) as Row[]).map(kept),
    close: () => {
      writes.flush()
      database.close()
    },
  }
}

function statements(
  database: DatabaseSync,
): Readonly<Record<'insert' | 'commit' | 'end' | 'one' | 'open' | 'recent', StatementSync>> {
  const row = 'SELECT request, commit_id, verdict FROM requests'
  return {
    insert: database.prepare('INSERT INTO requests (id, accepted_at, request) VALUES (?, ?, ?)'),
    commit: database.prepare('UPDATE requests SET commit_id = ? WHERE id = ? AND verdict IS NULL'),
    end: database.prepare(
      'UPDATE requests SET verdict = ?, commit_id = coalesce(?, commit_id) WHERE id = ? AND verdict IS NULL',
    ),
    one: database.prepare(`${row} WHERE id = ?`),
    open: database.prepare(`${row} WHERE verdict IS NULL ORDER BY accepted_at, id`),
    // An id begins with its time, so its own index is the order of time.
    recent: database.prepare(`${row} ORDER BY id DESC LIMIT ?`),
  }
}

function kept({ request, commit_id: commit, verdict }: Row): Kept {
  return {
    request: JSON.parse(request) as DeployRequest,
    commit: commit === null ? undefined : (commit as Commit),
    verdict: verdict === null ? undefined : (JSON.parse(verdict) as Verdict),
  }
}

function open(file: string): DatabaseSync {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  // SQLite would make it readable for everyone; its other two files take this one's mode.
  closeSync(openSync(file, 'a', 0o600))
  const database = new DatabaseSync(file, { timeout: 250 })
  try {
    // EXCLUSIVE: two servers on one journal would both take up what is unfinished. FULL: an accepted request survives
    // the machine, not only the process.
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;')
    migrate(database)
  } catch (error) {
    database.close()
    throw error
  }
  return database
}
