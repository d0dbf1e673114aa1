/**
 * The journal's shape, in numbered steps. A step is never changed once released; a newer file is refused, not guessed at.
 *
 * @module
 */
import type { DatabaseSync } from 'node:sqlite'
import { MgoError } from '../error.ts'

const steps: readonly string[] = [
  `CREATE TABLE requests (
     id TEXT PRIMARY KEY,
     accepted_at INTEGER NOT NULL,
     request TEXT NOT NULL,
     verdict TEXT
   ) STRICT;
   CREATE INDEX requests_open ON requests (accepted_at) WHERE verdict IS NULL;`,
  'ALTER TABLE requests ADD COLUMN commit_id TEXT;',
]

/** Brings a database to the newest shape, each step whole or not at all. Throws JOURNAL_FAILED for a newer one. */
export function migrate(database: DatabaseSync): void {
  const { user_version: version } = database.prepare('PRAGMA user_version').get() as { user_version: number }
  if (version > steps.length)
    throw new MgoError({
      code: 'JOURNAL_FAILED',
      message: `the journal was written by a newer mgo (shape ${version}; this one knows ${steps.length})`,
      hint: 'Start the newer mgo, or name another file with --journal.',
    })
  for (let at = version; at < steps.length; at++) {
    database.exec(`BEGIN IMMEDIATE; ${steps[at] ?? ''} PRAGMA user_version = ${at + 1}; COMMIT;`)
  }
}
