/**
 * Static tokens on disk: the SHA-256 of each, never the token. A file of their own beside the journal, because the
 * journal belongs to one process alone, and tokens are made and revoked while the server runs (docs/decisions/0033).
 *
 * @module
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import type { Grant } from '../access/grant.ts'
import { type NewToken, type TokenChange, type TokenRecord, type TokenStore, tokenPrefix } from '../access/token.ts'
import { journalError } from './error.ts'

const shape = `CREATE TABLE IF NOT EXISTS tokens (
  hash BLOB PRIMARY KEY,
  name TEXT NOT NULL,
  scopes TEXT NOT NULL,
  author TEXT,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  last_used_at INTEGER,
  revoked_at INTEGER
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS tokens_name ON tokens (name) WHERE revoked_at IS NULL;`

/**
 * Who made and who revoked it, and what of that is in the audit trail: 1 that it was made, 2 that it was revoked. An older
 * mgo goes on using the file, and what it does is told without a name.
 */
const columns = {
  made_by: 'TEXT',
  revoked_by: 'TEXT',
  told: 'INTEGER NOT NULL DEFAULT 0',
} as const

/** The last use is noted this exactly, in milliseconds: a write for each request would cost more than it tells. */
const usedEveryMs = 60_000

type Row = {
  readonly hash: Uint8Array
  readonly name: string
  readonly scopes: string
  readonly author: string | null
  readonly created_at: number
  readonly expires_at: number
  readonly last_used_at: number | null
  readonly revoked_at: number | null
  readonly made_by: string | null
  readonly revoked_by: string | null
  readonly told: number
}

/** Opens the store; makes file and folder where they are missing. Throws JOURNAL_FAILED. */
export function openTokens(file: string): TokenStore {
  const attempt = <T>(work: () => T): T => {
    try {
      return work()
    } catch (cause) {
      throw journalError(file, cause, 'tokens')
    }
  }
  const database = attempt(() => open(file))
  const say = statements(database)
  return {
    create: async (token, by) => attempt(() => create(say, token, by)),
    list: async () => (attempt(() => say.all.all()) as Row[]).map(recordOf),
    revoke: async (name, now, by) => attempt(() => say.revoke.run(now, by ?? null, name).changes > 0),
    find: async (text, now) => {
      const hash = sha256(text)
      const row = attempt(() => say.one.get(hash)) as Row | undefined
      if (row === undefined || !timingSafeEqual(hash, row.hash)) return undefined
      if (now - (row.last_used_at ?? 0) >= usedEveryMs) note(() => say.used.run(now, hash))
      return recordOf(row)
    },
    untold: async () => (attempt(() => say.untold.all()) as Row[]).flatMap(changesOf),
    told: async (changes) =>
      attempt(() => {
        for (const { id, what } of changes) say.told.run(bits[what], id)
      }),
    close: () => database.close(),
  }
}

function open(file: string): DatabaseSync {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  // SQLite would make it readable for everyone; its other two files take this one's mode.
  closeSync(openSync(file, 'a', 0o600))
  const database = new DatabaseSync(file, { timeout: 1_000 })
  try {
    database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; ${shape}`)
    widen(database)
  } catch (error) {
    database.close()
    throw error
  }
  return database
}

/** Two processes may do it at the same moment: the second one waits, and finds it done. */
function widen(database: DatabaseSync): void {
  const missing = () => {
    const there = database
      .prepare('SELECT name FROM pragma_table_info(?)')
      .all('tokens')
      .map(({ name }) => name)
    return Object.entries(columns).filter(([name]) => !there.includes(name))
  }
  if (missing().length === 0) return
  database.exec('BEGIN IMMEDIATE')
  for (const [name, type] of missing()) database.exec(`ALTER TABLE tokens ADD COLUMN ${name} ${type}`)
  database.exec('COMMIT')
}

const verbs = ['all', 'one', 'insert', 'revoke', 'lapse', 'used', 'untold', 'told'] as const
type Statements = Readonly<Record<(typeof verbs)[number], StatementSync>>

function statements(database: DatabaseSync): Statements {
  const row =
    'SELECT hash, name, scopes, author, created_at, expires_at, last_used_at, revoked_at, made_by, revoked_by, told FROM tokens'
  return {
    all: database.prepare(`${row} ORDER BY created_at DESC, name`),
    one: database.prepare(`${row} WHERE hash = ?`),
    insert: database.prepare(
      'INSERT INTO tokens (hash, name, scopes, author, created_at, expires_at, made_by) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
    ),
    revoke: database.prepare('UPDATE tokens SET revoked_at = ?, revoked_by = ? WHERE name = ? AND revoked_at IS NULL'),
    lapse: database.prepare(
      'UPDATE tokens SET revoked_at = ?1, revoked_by = ?2 WHERE name = ?3 AND revoked_at IS NULL AND expires_at <= ?1',
    ),
    untold: database.prepare(
      `${row} WHERE told & 1 = 0 OR (revoked_at IS NOT NULL AND told & 2 = 0) ORDER BY created_at LIMIT 500`,
    ),
    told: database.prepare('UPDATE tokens SET told = told | ? WHERE lower(substr(hex(hash), 1, 16)) = ?'),
    used: database.prepare('UPDATE tokens SET last_used_at = ? WHERE hash = ?'),
  }
}

/** The name of a token that has run out is free again. */
function create(say: Statements, token: NewToken, by = null as string | null): string | undefined {
  const { name, scopes, author, createdAt, expiresAt } = token
  say.lapse.run(createdAt, by, name)
  const text = tokenPrefix + randomBytes(32).toString('base64url')
  const made = say.insert.run(sha256(text), name, JSON.stringify(scopes), author ?? null, createdAt, expiresAt, by)
  return made.changes > 0 ? text : undefined
}

/** Nobody is turned away because the time of a use could not be written down. */
function note(write: () => unknown): void {
  try {
    write()
  } catch {}
}

function sha256(text: string): Uint8Array {
  return createHash('sha256').update(text).digest()
}

function recordOf(row: Row): TokenRecord {
  return {
    id: Buffer.from(row.hash).toString('hex').slice(0, 16),
    name: row.name,
    scopes: JSON.parse(row.scopes) as readonly Grant[],
    author: row.author ?? undefined,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    lastUsedAt: row.last_used_at ?? undefined,
    revokedAt: row.revoked_at ?? undefined,
  }
}

const bits: Readonly<Record<TokenChange['what'], number>> = { created: 1, revoked: 2 }

function changesOf(row: Row): readonly TokenChange[] {
  const { id, name, scopes, createdAt, expiresAt, revokedAt } = recordOf(row)
  const made = { id, name, scopes, expiresAt, what: 'created', by: row.made_by ?? undefined, at: createdAt } as const
  const before: readonly TokenChange[] = (row.told & bits.created) === 0 ? [made] : []
  if (revokedAt === undefined || (row.told & bits.revoked) !== 0) return before
  return [...before, { ...made, what: 'revoked', by: row.revoked_by ?? undefined, at: revokedAt }]
}
