/**
 * The pushes that wait for their registry, and what became of them, in the journal.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import type { Held, HeldOutcome, HeldPush } from '../release/held.ts'
import { type RequestId, requestId } from '../release/ids.ts'

type Row = { readonly push: string; readonly outcome: string | null }

const row = 'SELECT push, outcome FROM held'

/** What can be done with them, at once and inside whatever transaction is open. */
export type HeldPushes = ReturnType<typeof heldOf>

/** Prepares the statements. */
export function heldOf(database: DatabaseSync) {
  const insert = database.prepare('INSERT INTO held (id, same, push) VALUES (?, ?, ?)')
  const same = database.prepare(`${row} WHERE same = ? AND outcome IS NULL`)
  const pin = database.prepare('UPDATE held SET push = ? WHERE id = ? AND outcome IS NULL')
  const end = database.prepare('UPDATE held SET outcome = ? WHERE id = ? AND outcome IS NULL')
  const one = database.prepare(`${row} WHERE id = ?`)
  const open = database.prepare(`${row} WHERE outcome IS NULL AND id > ? ORDER BY id LIMIT ?`)
  const request = database.prepare(`${row} WHERE outcome IS NOT NULL AND outcome ->> '$.request' = ?`)
  const newest = database.prepare(`${row} ORDER BY id DESC LIMIT ?`)
  const count = database.prepare('SELECT count(*) AS count FROM held WHERE outcome IS NULL')
  const drop = database.prepare(
    'DELETE FROM held WHERE id IN (SELECT id FROM held WHERE id < ? AND outcome IS NOT NULL ORDER BY id LIMIT ?)',
  )
  return {
    /** The one that waits already where the vendor sends it again. */
    hold(push: HeldPush): HeldPush {
      const before = same.get(sameness(push)) as Row | undefined
      const known = before === undefined ? undefined : held(before).push
      if (known === undefined) insert.run(push.id, sameness(push), JSON.stringify(push))
      const now = known === undefined ? push : together(known, push)
      if (known !== undefined && now !== known) pin.run(JSON.stringify(now), known.id)
      return now
    },
    pinned: (push: HeldPush) => void pin.run(JSON.stringify(push), push.id),
    /** The first outcome counts. */
    end: (id: RequestId, outcome: HeldOutcome) => void end.run(JSON.stringify(outcome), id),
    find: (id: RequestId): Held | undefined => {
      const found = one.get(id) as Row | undefined
      return found === undefined ? undefined : held(found)
    },
    /** The one that became a request. */
    before: (id: RequestId): HeldPush | undefined => {
      const found = request.get(id) as Row | undefined
      return found === undefined ? undefined : held(found).push
    },
    /** Those without an outcome, the oldest first. */
    open: (after: string, limit: number): readonly HeldPush[] =>
      (open.all(after, limit) as Row[]).map((found) => held(found).push),
    newest: (limit: number): readonly Held[] => (newest.all(limit) as Row[]).map(held),
    count: () => Number((count.get() as { readonly count: number }).count),
    prune: (beforeMs: number, most: number): number =>
      Number(drop.run(requestId(Math.max(beforeMs, 0), new Uint8Array(16)), most).changes),
  }
}

/** The same bytes, and so much later that it is another push: one deploy does for both, of what the tag is by then. */
function together(known: HeldPush, { since = 0, until }: HeldPush): HeldPush {
  const { digest: _, ...rest } = known
  return known.at >= since ? known : { ...rest, until }
}

/** The same tag of the same delivery for the same place. */
function sameness({ hook, delivery, cluster, source, repository, tag }: HeldPush): string {
  const what = JSON.stringify([hook, delivery, cluster, source, repository, tag])
  return createHash('sha256').update(what).digest('hex')
}

function held({ push, outcome }: Row): Held {
  const read = JSON.parse(push) as HeldPush
  return outcome === null ? { push: read } : { push: read, outcome: JSON.parse(outcome) as HeldOutcome }
}
