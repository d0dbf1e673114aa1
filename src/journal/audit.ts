/**
 * Who asked for what, verified how, allowed by which rule, and what came of it: one entry after the other, each with a hash
 * over itself and the one before, so that a change of any entry shows.
 *
 * The entries of requests, and of pushes that become none, are written by triggers, in the very transaction that accepts or ends them: there is no
 * way past them in this process. The triggers live in the connection, not in the file, which an older mgo can still use.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import { type AuditEntry, auditAsked, auditEnded, auditPush, type Chained } from '../release/audit.ts'
import type { HeldOutcome, HeldPush } from '../release/held.ts'

/** What the first entry builds upon. */
export const root = '0'.repeat(64)

/** The hash of an entry. */
export function link(before: string, { n, at, entry }: Omit<Chained, 'hash'>): string {
  return createHash('sha256').update(`${before}\n${n}\n${at}\n${entry}`).digest('hex')
}

const append = `INSERT INTO audit (n, at, entry, hash)
  SELECT n, at, entry, mgo_link(coalesce((SELECT hash FROM audit ORDER BY n DESC LIMIT 1), '${root}'), n, at, entry)
  FROM (SELECT coalesce((SELECT max(n) FROM audit), 0) + 1 AS n, mgo_now() AS at, `

/** Has every request of this connection audited. `now`: milliseconds since the epoch. */
export function keepAudit(database: DatabaseSync, now: () => number): void {
  database.function('mgo_now', () => now())
  database.function('mgo_link', { varargs: true }, (...[before, n, at, entry]) =>
    link(String(before), { n: Number(n), at: Number(at), entry: String(entry) }),
  )
  database.function('mgo_asked', (text) => entryOf(text, 'asked', auditAsked))
  database.function('mgo_ended', (text) => entryOf(text, 'ended', auditEnded))
  database.function('mgo_push', (text) =>
    entryOf(text, 'push', ({ push, outcome }: Dropped) => auditPush(push, outcome)),
  )
  database.exec(`
    CREATE TEMP TRIGGER audit_asked AFTER INSERT ON main.requests
      BEGIN ${append} mgo_asked(NEW.request) AS entry); END;
    CREATE TEMP TRIGGER audit_ended AFTER UPDATE OF verdict ON main.requests
      WHEN OLD.verdict IS NULL AND NEW.verdict IS NOT NULL
      BEGIN ${append} mgo_ended(NEW.verdict) AS entry); END;
    CREATE TEMP TRIGGER audit_push AFTER UPDATE OF outcome ON main.held
      WHEN OLD.outcome IS NULL AND NEW.outcome ->> '$.kind' <> 'accepted'
      BEGIN ${append} mgo_push(json_object('id', NEW.id, 'push', json(NEW.push), 'outcome', json(NEW.outcome))) AS entry); END;`)
}

type Dropped = {
  readonly id: string
  readonly push: HeldPush
  readonly outcome: Exclude<HeldOutcome, { readonly kind: 'accepted' }>
}

/** What cannot be read is still told of: the trail never stops a request. */
function entryOf<T extends { readonly id: string }>(
  text: unknown,
  kind: string,
  audit: (value: T) => AuditEntry,
): string {
  const value = JSON.parse(String(text)) as T
  try {
    return JSON.stringify(audit(value))
  } catch {
    return JSON.stringify({ kind, id: value.id })
  }
}

export type Wanted = {
  /** Milliseconds since the epoch. */
  readonly since?: number | undefined
  /** Entries after this one. */
  readonly after?: number | undefined
  readonly limit: number
}

/** Prepares the statement that adds an entry, inside whatever transaction is open. */
export function auditWriter(database: DatabaseSync): (entry: AuditEntry) => void {
  const add = database.prepare(`${append} ? AS entry)`)
  return (entry) => void add.run(JSON.stringify(entry))
}

/** Prepares the same for what was done to tokens: told of twice, it is there once. */
export function tokenWriter(database: DatabaseSync): (entry: Extract<AuditEntry, { kind: 'token' }>) => void {
  const add = auditWriter(database)
  const find = database.prepare(
    `SELECT 1 FROM audit WHERE entry ->> '$.kind' = 'token' AND entry ->> '$.token' = ? AND entry ->> '$.what' = ?`,
  )
  return (entry) => {
    if (find.get(entry.token, entry.what) === undefined) add(entry)
  }
}

/** Prepares the statements that read the trail. */
export function auditReader(database: DatabaseSync) {
  const page = database.prepare(
    'SELECT n, at, entry, hash FROM audit WHERE n > :after AND at >= :since ORDER BY n LIMIT :limit',
  )
  const last = database.prepare('SELECT n, at, entry, hash FROM audit ORDER BY n DESC LIMIT 1')
  const unwritten = database.prepare(
    `SELECT id FROM requests WHERE NOT EXISTS
       (SELECT 1 FROM audit WHERE entry ->> '$.kind' = 'asked' AND entry ->> '$.id' = requests.id)
     OR verdict IS NOT NULL AND id NOT IN
       (SELECT entry ->> '$.id' FROM audit WHERE entry ->> '$.kind' = 'ended') LIMIT ?`,
  )
  return {
    page: ({ since = 0, after = 0, limit }: Wanted): readonly Chained[] =>
      page.all({ since, after, limit: Math.min(Math.max(Math.trunc(limit), 1), 1_000) }) as Chained[],
    head: () => last.get() as Chained | undefined,
    /** Requests that the trail does not know, or not to their end: written by an mgo without a trail, or taken out of it. */
    unwritten: (limit: number): readonly string[] =>
      (unwritten.all(limit) as { readonly id: string }[]).map(({ id }) => id),
  }
}
