/**
 * The journal's shape, in numbered steps, so that an upgrade and the way back both work.
 *
 * A step is never changed once released, and it only adds: a table, an index, a column that has a default. So the
 * statements of an older mgo go on working on a newer file. A step that would break them also raises `oldest` in the
 * table `shape`, and an mgo that knows fewer steps than that refuses the file. Nothing else is refused.
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
  // base_id: the tip that the last push stood upon; without it nothing was ever pushed. tries: starts of the server
  // that took the request up. The cluster is derived, so that rows of an older mgo have it, too.
  `ALTER TABLE requests ADD COLUMN base_id TEXT;
   ALTER TABLE requests ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE requests ADD COLUMN cluster TEXT GENERATED ALWAYS AS (request ->> '$.cluster') VIRTUAL;
   CREATE INDEX requests_cluster ON requests (cluster, id);
   CREATE TABLE keys (
     scope TEXT NOT NULL,
     key TEXT NOT NULL,
     fingerprint TEXT NOT NULL,
     request_id TEXT NOT NULL,
     PRIMARY KEY (scope, key)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX keys_request ON keys (request_id);
   CREATE TABLE events (
     seq INTEGER PRIMARY KEY AUTOINCREMENT,
     at INTEGER NOT NULL,
     request_id TEXT,
     cluster TEXT,
     event TEXT NOT NULL
   ) STRICT;
   CREATE INDEX events_request ON events (request_id) WHERE request_id IS NOT NULL;
   CREATE TABLE shape (oldest INTEGER NOT NULL) STRICT;
   INSERT INTO shape VALUES (1);`,
  // n has no AUTOINCREMENT: a number that was taken away and used again breaks the chain all the same.
  `CREATE TABLE audit (n INTEGER PRIMARY KEY, at INTEGER NOT NULL, entry TEXT NOT NULL, hash TEXT NOT NULL) STRICT;
   CREATE INDEX audit_asked ON audit (entry ->> '$.id') WHERE entry ->> '$.kind' = 'asked';`,
  `CREATE INDEX audit_token ON audit (entry ->> '$.token') WHERE entry ->> '$.kind' = 'token';`,
  `CREATE TABLE held (id TEXT PRIMARY KEY, same TEXT NOT NULL, push TEXT NOT NULL, outcome TEXT) STRICT;
   CREATE UNIQUE INDEX held_open ON held (same) WHERE outcome IS NULL;
   CREATE INDEX held_request ON held (outcome ->> '$.request') WHERE outcome IS NOT NULL;`,
  `CREATE INDEX requests_line ON requests (cluster, request ->> '$.source') WHERE verdict IS NULL;`,
  `CREATE TABLE halves (id TEXT PRIMARY KEY, half TEXT NOT NULL) STRICT, WITHOUT ROWID;`,
]

/**
 * Brings a database to the newest shape, each step whole or not at all. A file of a newer mgo stays as it is.
 *
 * @throws MgoError JOURNAL_FAILED where a newer mgo has changed what this one relies on
 */
export function migrate(database: DatabaseSync): void {
  const { user_version: version } = database.prepare('PRAGMA user_version').get() as { user_version: number }
  if (version > steps.length && oldestReader(database) > steps.length)
    throw new MgoError({
      code: 'JOURNAL_FAILED',
      message: `the journal was written by a newer mgo (shape ${version}; this one knows ${steps.length})`,
      hint: 'Start the newer mgo, or name another file with --journal.',
    })
  for (let at = version; at < steps.length; at++) {
    database.exec(`BEGIN IMMEDIATE; ${steps[at] ?? ''} PRAGMA user_version = ${at + 1}; COMMIT;`)
  }
}

/** The least number of steps that a reader must know. A file that does not say is not one of ours to guess at. */
function oldestReader(database: DatabaseSync): number {
  const has = database.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'shape'").get()
  if (has === undefined) return Number.POSITIVE_INFINITY
  const row = database.prepare('SELECT max(oldest) AS oldest FROM shape').get() as { readonly oldest: number | null }
  return row.oldest ?? Number.POSITIVE_INFINITY
}
