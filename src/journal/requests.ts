/**
 * The requests in the journal, and the keys by which a repeated one is known.
 *
 * @module
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { AcceptedAs, Known, Left, Listing, OnceKey } from '../release/asking.ts'
import { type Cluster, type Commit, type RequestId, requestId } from '../release/ids.ts'
import { printImage } from '../release/image.ts'
import type { DeployRequest } from '../release/request.ts'
import type { Verdict } from '../release/verdict.ts'

type Row = {
  readonly place: number
  readonly request: string
  readonly commit_id: string | null
  readonly base_id: string | null
  readonly tries: number
  readonly verdict: string | null
}
/** `last`: the request that came last for the same source and cluster. `told`: whether any event is kept of it. */
type OpenRow = Row & { readonly last: string | null; readonly told: number }

/** Requests looked at for one answer at most, where a release is asked for. */
const scanned = 20_000

const row = 'SELECT rowid AS place, id, request, commit_id, base_id, tries, verdict FROM requests'
const ofRelease = `EXISTS (SELECT 1 FROM json_each(verdict, '$.releases') WHERE value ->> '$.release' = :release)`

const lastOfLine = `SELECT request FROM requests WHERE verdict IS NULL AND cluster = one.request ->> '$.cluster'
  AND request ->> '$.source' = one.request ->> '$.source' ORDER BY rowid DESC LIMIT 1`

const texts = {
  insert: 'INSERT INTO requests (id, accepted_at, request) VALUES (?, ?, ?)',
  key: 'SELECT fingerprint, request_id FROM keys WHERE scope = ? AND key = ?',
  keep: 'INSERT OR REPLACE INTO keys (scope, key, fingerprint, request_id) VALUES (?, ?, ?, ?)',
  attempt: 'UPDATE requests SET base_id = ? WHERE id = ? AND verdict IS NULL',
  commit: 'UPDATE requests SET commit_id = ? WHERE id = ? AND verdict IS NULL',
  end: 'UPDATE requests SET verdict = ?, commit_id = coalesce(?, commit_id) WHERE id = ? AND verdict IS NULL',
  one: `${row} WHERE id = ?`,
  open: `SELECT *, (${lastOfLine}) AS last, EXISTS (SELECT 1 FROM events WHERE request_id = one.id) AS told FROM (${row} WHERE verdict IS NULL AND rowid > ? ORDER BY rowid LIMIT ?) AS one`,
  tags: `SELECT DISTINCT request ->> '$.image.tag' AS tag FROM requests
    WHERE verdict IS NULL AND cluster = ? AND request ->> '$.source' = ?`,
  counted:
    'SELECT count(*) AS requests, coalesce(sum(length(request)), 0) AS bytes FROM requests WHERE verdict IS NULL',
  // From the index alone: it is asked at every scrape.
  waiting: 'SELECT count(*) AS requests, min(accepted_at) AS since FROM requests WHERE verdict IS NULL',
  begin: 'UPDATE requests SET tries = tries + 1 WHERE id = ?',
  calm: 'UPDATE requests SET tries = 0 WHERE verdict IS NULL AND tries > 0',
  // An id begins with its time, so its own index is the order of time.
  all: `${row} WHERE id < :before ORDER BY id DESC LIMIT :limit`,
  cluster: `${row} WHERE cluster = :cluster AND id < :before ORDER BY id DESC LIMIT :limit`,
  release: `SELECT * FROM (${row} WHERE id < :before ORDER BY id DESC LIMIT ${scanned}) WHERE ${ofRelease} LIMIT :limit`,
  both: `SELECT * FROM (${row} WHERE cluster = :cluster AND id < :before ORDER BY id DESC LIMIT ${scanned}) WHERE ${ofRelease} LIMIT :limit`,
  old: 'SELECT id FROM requests WHERE id < ? AND verdict IS NOT NULL ORDER BY id LIMIT ?',
  // The newest row stays: the order of acceptance grows from it.
  drop: 'DELETE FROM requests WHERE id = ? AND rowid < (SELECT max(rowid) FROM requests)',
  dropKeys: 'DELETE FROM keys WHERE request_id = ?',
  dropEvents: 'DELETE FROM events WHERE request_id = ?',
  dropHalves: 'DELETE FROM halves WHERE id = ?',
} as const

type Say = Readonly<Record<keyof typeof texts, StatementSync>>

/** What can be done with requests, at once and inside whatever transaction is open. */
export type Requests = ReturnType<typeof requestsOf>

/** Prepares the statements. */
export function requestsOf(database: DatabaseSync) {
  const say = Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, database.prepare(text)])) as Say
  const find = (id: string): Known | undefined => {
    const found = say.one.get(id) as Row | undefined
    return found === undefined ? undefined : kept(found)
  }
  return {
    find,
    accept(request: DeployRequest, once?: OnceKey): AcceptedAs {
      const known = once === undefined ? undefined : repeated(once, { say, find })
      if (known !== undefined) return known
      say.insert.run(request.id, request.acceptedAt, JSON.stringify(request))
      if (once !== undefined) say.keep.run(once.scope, once.key, once.fingerprint, request.id)
      return { kind: 'new', request }
    },
    again: (once: OnceKey) => repeated(once, { say, find }),
    attempting: (ids: readonly RequestId[], base: Commit) => {
      for (const id of ids) say.attempt.run(base, id)
    },
    committed: (id: RequestId, commit: Commit) => void say.commit.run(commit, id),
    /** Says whether it is the first one. */
    finish: (verdict: Verdict) =>
      say.end.run(JSON.stringify(verdict), verdict.commit ?? null, verdict.id).changes !== 0,
    unfinished: (after: number, limit: number) => (say.open.all(after, limit) as OpenRow[]).map(unfinished),
    openTags: (cluster: Cluster, source: string) => tagsOf(say.tags.all(cluster, source) as TagRow[]),
    counted: () => say.counted.get() as { readonly requests: number; readonly bytes: number },
    waiting: () => say.waiting.get() as { readonly requests: number; readonly since: number | null },
    begun: (ids: readonly RequestId[]) => ids.forEach((id) => void say.begin.run(id)),
    calm: () => void say.calm.run(),
    list({ cluster, release, before, limit }: Listing): readonly Known[] {
      const most = Math.min(Math.max(Math.trunc(limit), 1), 1_000)
      const asked = { before: before ?? 'Z', limit: most }
      if (cluster === undefined && release === undefined) return (say.all.all(asked) as Row[]).map(kept)
      if (release === undefined) return (say.cluster.all({ ...asked, cluster: cluster ?? '' }) as Row[]).map(kept)
      if (cluster === undefined) return (say.release.all({ ...asked, release }) as Row[]).map(kept)
      return (say.both.all({ ...asked, cluster, release }) as Row[]).map(kept)
    },
    prune: (beforeMs: number, most: number): number => prune({ beforeMs, most }, say),
  }
}

type TagRow = { readonly tag: string | null }

/** A request by digest alone has none. */
function tagsOf(rows: readonly TagRow[]): readonly string[] {
  return rows.flatMap(({ tag }) => tag ?? [])
}

type Looking = { readonly say: Say; readonly find: (id: string) => Known | undefined }

function repeated({ scope, key, fingerprint, since = 0 }: OnceKey, { say, find }: Looking): AcceptedAs | undefined {
  const known = say.key.get(scope, key) as { readonly fingerprint: string; readonly request_id: string } | undefined
  const first = known === undefined ? undefined : find(known.request_id)
  if (known === undefined || first === undefined || first.request.acceptedAt < since) return undefined
  if (known.fingerprint !== fingerprint) return { kind: 'mismatch', id: first.request.id }
  return { kind: 'again', request: first.request }
}

function prune({ beforeMs, most }: { readonly beforeMs: number; readonly most: number }, say: Say): number {
  const old = say.old.all(requestId(Math.max(beforeMs, 0), new Uint8Array(16)), most) as { readonly id: string }[]
  let dropped = 0
  for (const { id } of old) {
    if (Number(say.drop.run(id).changes) === 0) continue
    say.dropKeys.run(id)
    say.dropEvents.run(id)
    say.dropHalves.run(id)
    dropped++
  }
  return dropped
}

function kept({ request, commit_id: commit, verdict }: Row): Known {
  return {
    request: JSON.parse(request) as DeployRequest,
    commit: commit === null ? undefined : (commit as Commit),
    verdict: verdict === null ? undefined : (JSON.parse(verdict) as Verdict),
  }
}

function unfinished(found: OpenRow): Left {
  const { request, commit } = kept(found)
  const base = found.base_id === null ? undefined : (found.base_id as Commit)
  const later = laterThan(request, found.last)
  return { place: found.place, request, commit, base, later, tries: found.tries, isTold: found.told !== 0 }
}

function laterThan({ image }: DeployRequest, text: string | null): RequestId | undefined {
  const last = text === null ? undefined : (JSON.parse(text) as DeployRequest)
  return last === undefined || printImage(last.image) === printImage(image) ? undefined : last.id
}
