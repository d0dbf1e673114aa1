/**
 * A verdict is kept in one write, and the event that tells of it in another. What a server was killed in between of has
 * only one of the two. Which requests those are stands in a table of its own, so that the next start makes them whole:
 * whoever follows the events hears each end once, and it is the verdict that is kept.
 *
 * @module
 */
import type { DatabaseSync } from 'node:sqlite'
import type { Told } from '../event/event.ts'
import type { Events } from './events.ts'
import type { Requests } from './requests.ts'

type Half = 'verdict' | 'event'
type Finished = Extract<Told, { kind: 'finished' }>

export type Halves = {
  /** The verdict of this request is on disk, or the event of it. */
  have(half: Half, id: string): void
}

/** Prepares the statements. */
export function halvesOf(database: DatabaseSync): Halves {
  const whole = database.prepare('DELETE FROM halves WHERE id = ? AND half <> ?')
  const first = database.prepare('INSERT OR IGNORE INTO halves (id, half) VALUES (?, ?)')
  return {
    have(half, id) {
      if (Number(whole.run(id, half).changes) === 0) first.run(id, half)
    },
  }
}

type Kept = { readonly requests: Pick<Requests, 'find' | 'finish'>; readonly events: Pick<Events, 'append'> }

/** Makes whole what the server before this one left, all in one transaction. */
export function mendHalves(database: DatabaseSync, { requests, events }: Kept, now: () => number): void {
  const rows = database.prepare('SELECT id, half FROM halves ORDER BY id').all() as { id: string; half: Half }[]
  if (rows.length === 0) return
  const told = database.prepare(
    `SELECT event FROM events WHERE request_id = ? AND event ->> '$.kind' = 'finished' ORDER BY seq LIMIT 1`,
  )
  database.exec('BEGIN IMMEDIATE')
  for (const { id, half } of rows) {
    const known = requests.find(id)
    const event = half === 'event' ? (told.get(id) as { readonly event: string } | undefined) : undefined
    if (event !== undefined) requests.finish((JSON.parse(event.event) as Finished).verdict)
    else if (known?.verdict !== undefined)
      events.append([{ kind: 'finished', verdict: known.verdict, request: known.request, at: now() }])
  }
  database.exec('DELETE FROM halves; COMMIT')
}
