/**
 * The events, for whoever follows them: kept with a number first, then handed out. A follower that was away, or is slow,
 * reads on from the journal; nothing is held in memory for it.
 *
 * @module
 */
import { messageOf } from '../error.ts'
import type { Told } from '../event/event.ts'
import type { EventMemory, EventsOf, Numbered } from './memory.ts'
import type { Patience } from './patience.ts'

export type Hub = {
  /** One more reader of the stream of events. */
  told(told: Told): void
  /**
   * Events with a number above `after`, as they come: those that are there at once together, and none where nothing came for
   * a while. Ends with the server, or when `stop` aborts.
   */
  follow(after: number, of: EventsOf, stop: AbortSignal): AsyncGenerator<readonly Numbered[]>
  /** Resolves when everything that was told is on disk. */
  idle(): Promise<void>
}

export type HubOptions = {
  readonly memory: EventMemory
  readonly waits: Patience
  readonly warn: (text: string) => void
  /** Milliseconds of silence before a beat. */
  readonly beatMs?: number
}

/** Events that wait for the disk at most; a disk that takes none for so long loses the rest, and says so. */
const mostWaiting = 20_000
/** The newest events, kept in memory so that followers need not all ask the disk. */
const recentKept = 1_000
/** Events that a follower is given at once at most: one that does not read has no more than these in memory. */
const page = 200
/** Followers are woken at most this often (ms): under load each wakes for many events, and writes them at once. */
const restMs = 20

/** Makes the hub. */
export function openHub(options: HubOptions): Hub {
  const { memory, waits, beatMs = 15_000 } = options
  const record = recorder(options)
  return {
    told: (told) => record.add(told),
    async *follow(after, of, stop) {
      let at = after
      const bell = openBell()
      stop.addEventListener('abort', bell.ring, { once: true })
      record.bells.add(bell)
      try {
        while (!stop.aborted) {
          // Whoever follows hears the end of what a server that goes down has finished.
          const isLast = waits.state() === 'ended'
          if (isLast) await record.idle()
          const rung = bell.rung()
          const some = await newer(at, of, { recent: record.recent, memory })
          if (some.events.length > 0) yield some.events
          at = some.at
          if (some.more) continue
          if (isLast) return
          if (some.events.length > 0) continue
          const what = await waits.atMost(rung, beatMs)
          if (what === undefined && waits.state() !== 'ended') yield []
        }
      } finally {
        record.bells.delete(bell)
      }
    },
    idle: () => record.idle(),
  }
}

/** Keeps events in the order in which they were told. */
function recorder({ memory, waits, warn }: HubOptions) {
  const recent: Numbered[] = []
  const waiting: Told[] = []
  const bells = new Set<Bell>()
  const ring = ringer(bells, waits)
  let running: Promise<void> | undefined
  let lost = 0
  const keep = async (): Promise<void> => {
    while (waiting.length > 0) {
      const batch = waiting.splice(0, 1_000)
      try {
        const numbers = await memory.append(batch)
        batch.forEach((told, i) => recent.push({ seq: numbers[i] ?? 0, told }))
        recent.splice(0, Math.max(0, recent.length - recentKept))
      } catch (error) {
        warn(`${batch.length} events were not kept: ${messageOf(error)}`)
      }
      ring()
    }
    running = undefined
  }
  return {
    recent,
    bells,
    idle: () => running ?? Promise.resolve(),
    add(told: Told) {
      if (waiting.length < mostWaiting) {
        waiting.push(told)
        running ??= keep()
      } else if (lost++ % 1_000 === 0) warn(`events are lost: ${waiting.length} wait for the disk`)
    },
  }
}

type Reading = { readonly recent: readonly Numbered[]; readonly memory: EventMemory }
type Some = { readonly events: readonly Numbered[]; readonly at: number; readonly more: boolean }

async function newer(at: number, of: EventsOf, { recent, memory }: Reading): Promise<Some> {
  const [oldest] = recent
  if (oldest !== undefined && oldest.seq <= at + 1) {
    const from = Math.max(0, at + 1 - oldest.seq)
    const some = recent.slice(from, from + page)
    const events = some.filter(({ told }) => concerns(told, of))
    return { events, at: some.at(-1)?.seq ?? at, more: from + page < recent.length }
  }
  const events = await memory.eventsAfter(at, of, page)
  return { events, at: events.at(-1)?.seq ?? at, more: events.length === page }
}

function concerns(told: Told, { request, cluster }: EventsOf): boolean {
  if (request === undefined) return cluster === undefined || clusterOf(told) === cluster
  return requestOf(told) === request || (requestOf(told) === undefined && clusterOf(told) === cluster)
}

function requestOf(told: Told): string | undefined {
  if (told.kind === 'accepted') return told.request.id
  if (told.kind === 'finished') return told.verdict.id
  return told.kind === 'committed' || told.kind === 'unchanged' ? told.id : undefined
}

function clusterOf(told: Told): string | undefined {
  if (told.kind === 'accepted') return told.request.cluster
  if (told.kind === 'finished') return told.verdict.cluster
  return 'cluster' in told ? told.cluster : undefined
}

type Bell = { readonly ring: () => void; readonly rung: () => Promise<'rung'> }

/** One for each follower, so that nothing which lives longer remembers each of its waits. */
function openBell(): Bell {
  let next = Promise.withResolvers<'rung'>()
  return {
    ring: () => {
      next.resolve('rung')
      next = Promise.withResolvers()
    },
    rung: () => next.promise,
  }
}

/** Rings all bells: at once where they rested, else when they have. */
function ringer(bells: ReadonlySet<Bell>, waits: Patience): () => void {
  let state: 'quiet' | 'resting' | 'due' = 'quiet'
  const ring = (): void => {
    if (state !== 'quiet' || bells.size === 0) {
      if (state === 'resting') state = 'due'
      return
    }
    for (const bell of bells) bell.ring()
    state = 'resting'
    void waits.atMost(new Promise<never>(() => undefined), restMs).then(() => {
      const isDue = state === 'due'
      state = 'quiet'
      if (isDue) ring()
    })
  }
  return ring
}
