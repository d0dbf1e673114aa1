/**
 * The events in the journal: what happened, in order, so that a reader who was away can go on where it stopped.
 *
 * @module
 */
import type { DatabaseSync } from 'node:sqlite'
import type { Told } from '../event/event.ts'
import type { Cluster, RequestId } from '../release/ids.ts'

/** An event with its number; numbers grow and are never used twice. */
export type Numbered = { readonly seq: number; readonly told: Told }

/** Whose events: all, one cluster's, or those of one request and of its cluster. */
export type EventsOf = { readonly request?: RequestId | undefined; readonly cluster?: Cluster | undefined }

type Row = { readonly seq: number; readonly at: number; readonly event: string }

const row = 'SELECT seq, at, event FROM events WHERE seq > :after'

/** What can be done with events, at once and inside whatever transaction is open. */
export type Events = ReturnType<typeof eventsOf>

/** Prepares the statements. */
export function eventsOf(database: DatabaseSync) {
  const insert = database.prepare('INSERT INTO events (at, request_id, cluster, event) VALUES (?, ?, ?, ?)')
  const all = database.prepare(`${row} ORDER BY seq LIMIT :limit`)
  const ofCluster = database.prepare(`${row} AND cluster = :cluster ORDER BY seq LIMIT :limit`)
  const ofRequest = database.prepare(
    `${row} AND (request_id = :request OR (request_id IS NULL AND cluster = :cluster)) ORDER BY seq LIMIT :limit`,
  )
  const first = database.prepare('SELECT min(seq) AS seq FROM events WHERE request_id = ?')
  const last = database.prepare('SELECT coalesce(max(seq), 0) AS seq FROM events')
  const drop = database.prepare(
    'DELETE FROM events WHERE seq IN (SELECT seq FROM (SELECT seq, at FROM events ORDER BY seq LIMIT ?) WHERE at < ?)',
  )
  return {
    append: (told: readonly Told[]): readonly number[] =>
      told.map((one) => {
        const { request, cluster } = about(one)
        return Number(insert.run(one.at, request ?? null, cluster ?? null, JSON.stringify(one)).lastInsertRowid)
      }),
    after(seq: number, { request, cluster }: EventsOf, limit: number): readonly Numbered[] {
      const asked = { after: seq, limit }
      const rows =
        request !== undefined
          ? ofRequest.all({ ...asked, request, cluster: cluster ?? '' })
          : cluster !== undefined
            ? ofCluster.all({ ...asked, cluster })
            : all.all(asked)
      return (rows as Row[]).map((one) => ({ seq: one.seq, told: JSON.parse(one.event) as Told }))
    },
    /** The number of a request's first event, or `undefined`. */
    firstOf: (id: RequestId) => (first.get(id) as { readonly seq: number | null }).seq ?? undefined,
    last: () => (last.get() as { readonly seq: number }).seq,
    prune: (beforeMs: number, most: number): number => Number(drop.run(most, beforeMs).changes),
  }
}

/** Which request an event is about, and which cluster. */
function about(told: Told): { readonly request?: string; readonly cluster?: string } {
  switch (told.kind) {
    case 'accepted':
      return { request: told.request.id, cluster: told.request.cluster }
    case 'committed':
    case 'unchanged':
      return { request: told.id }
    case 'finished':
      return { request: told.verdict.id, cluster: told.verdict.cluster }
    case 'planned':
    case 'applying':
    case 'applied':
    case 'waiting':
    case 'judged':
      return { cluster: told.cluster }
    case 'pushed':
    case 'note':
      return {}
  }
}
