/**
 * The events, for whoever follows them: kept with a number first, then handed out. A follower that was away, or is slow,
 * reads on from the journal; nothing is held in memory for it.
 *
 * @module
 */
import type { Told } from '../event/event.ts'
import type { EventMemory, EventsOf, Numbered } from './memory.ts'
import type { Patience } from './patience.ts'

export type Hub = {
  /** One more reader of the stream of events. */
  told(told: Told): void
  /** Events with a number above `after`, as they come; `beat` where nothing came for a while. Ends with the server, or when `signal` aborts. */
  follow(after: number, of: EventsOf, signal: AbortSignal): AsyncGenerator<Numbered | 'beat'>
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
const page = 200

/** Makes the hub. */
export function openHub(options: HubOptions): Hub {
  const { memory, waits, beatMs = 15_000 } = options
  const record = recorder(options)
  return {
    told: (told) => record.add(told),
    async *follow(after, of, stop) {
      let at = after
      while (!stop.aborted && waits.state() !== 'ended') {
        const next = record.next()
        const some = await newer(at, of, { recent: record.recent, memory })
        for (const one of some.events) yield one
        at = some.at
        if (some.events.length > 0 || some.more) continue
        const what = await waits.atMost(Promise.race([next, aborted(stop)]), beatMs)
        if (what === undefined && waits.state() !== 'ended') yield 'beat'
      }
    },
    idle: () => record.idle(),
  }
}

/** Keeps events in the order in which they were told. */
function recorder({ memory, warn }: HubOptions) {
  const recent: Numbered[] = []
  const waiting: Told[] = []
  let arrival = Promise.withResolvers<'came'>()
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
        warn(`${batch.length} events were not kept: ${error instanceof Error ? error.message : String(error)}`)
      }
      arrival.resolve('came')
      arrival = Promise.withResolvers<'came'>()
    }
    running = undefined
  }
  return {
    recent,
    next: () => arrival.promise,
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
    const some = recent.slice(Math.max(0, at + 1 - oldest.seq))
    return { events: some.filter(({ told }) => concerns(told, of)), at: some.at(-1)?.seq ?? at, more: false }
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

function aborted(stop: AbortSignal): Promise<'stopped'> {
  return new Promise((resolve) => {
    if (stop.aborted) resolve('stopped')
    else stop.addEventListener('abort', () => resolve('stopped'), { once: true })
  })
}
