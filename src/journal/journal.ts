/**
 * What was accepted, and what came of it: on disk before the answer goes out. One writer; what is written in the same
 * moment shares one transaction. Git stays the truth about what should run: a lost journal loses history, not deploys.
 *
 * @module
 */
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Told } from '../event/event.ts'
import type { AcceptedAs, Known, Left, Listing, OnceKey } from '../release/asking.ts'
import type { AuditEntry, Chained } from '../release/audit.ts'
import type { HeldMemory } from '../release/held.ts'
import type { Cluster, Commit, RequestId } from '../release/ids.ts'
import type { DeployRequest } from '../release/request.ts'
import type { Verdict } from '../release/verdict.ts'
import { auditReader, auditWriter, keepAudit, tokenWriter, type Wanted } from './audit.ts'
import { journalError } from './error.ts'
import { type Events, eventsOf, type EventsOf, type Numbered } from './events.ts'
import { group, type Wrote } from './group.ts'
import { type Halves, halvesOf, mendHalves } from './halves.ts'
import { heldOf, type HeldPushes } from './held.ts'
import { migrate } from './migrations.ts'
import { requestsOf } from './requests.ts'

/** The audit trail. Throws JOURNAL_FAILED. */
export type AuditTrail = {
  /** Adds what is no request; requests add themselves. */
  add(entry: AuditEntry): Promise<void>
  /** Adds what was done to a token, if it is not there yet. */
  token(entry: Extract<AuditEntry, { kind: 'token' }>): Promise<void>
  /** The oldest first. */
  page(wanted: Wanted): Promise<readonly Chained[]>
  /** The last entry. */
  head(): Promise<Chained | undefined>
}

/** Asynchronous, so that another store can stand behind it. Throws JOURNAL_FAILED. */
export type Journal = {
  /** Resolves when the request is on disk, or with the earlier one that the same key stands for. */
  accept(request: DeployRequest, once?: OnceKey): Promise<AcceptedAs>
  /** The earlier request that a key stands for. */
  again(once: OnceKey): Promise<AcceptedAs | undefined>
  /** Notes that a push of these is about to be tried upon `base`: after a crash they are looked for from there on. */
  attempting(ids: readonly RequestId[], base: Commit): Promise<void>
  /** Notes the commit of a request that has no verdict yet. */
  committed(id: RequestId, commit: Commit): Promise<void>
  /** Ends a request; the first verdict counts. */
  finish(verdict: Verdict): Promise<void>
  find(id: RequestId): Promise<Known | undefined>
  /** Accepted and without a verdict, in the order of acceptance, from the place `after` on. */
  unfinished(after: number, limit: number): Promise<readonly Left[]>
  /** The tags that were asked for a source on a cluster by what has no verdict yet. */
  openTags(cluster: Cluster, source: string): Promise<readonly string[]>
  /** How many have no verdict, and the bytes that they take. */
  counted(): Promise<{ readonly requests: number; readonly bytes: number }>
  /** How many have no verdict, and since when the oldest waits (milliseconds since the epoch). */
  waiting(): Promise<{ readonly requests: number; readonly since: number | null }>
  /** Counts one more try for each. */
  begun(ids: readonly RequestId[]): Promise<void>
  /** Forgets the tries of what is unfinished: the server goes down in order, so nobody is suspect. */
  calm(): Promise<void>
  /** The newest first. */
  list(listing: Listing): Promise<readonly Known[]>
  /** Keeps events; gives their numbers. */
  append(told: readonly Told[]): Promise<readonly number[]>
  /** Events with a number above `after`, in order. */
  eventsAfter(after: number, of: EventsOf, limit: number): Promise<readonly Numbered[]>
  /** The number of a request's first event, or `undefined` where it has none. */
  firstEvent(id: RequestId): Promise<number | undefined>
  lastEvent(): Promise<number>
  /** Forgets what ended before `beforeMs`: `most` requests and `most` events at a time. Gives how many. */
  prune(beforeMs: number, most: number): Promise<number>
  readonly trail: AuditTrail
  readonly held: HeldMemory
}

/** `close` writes what still waits, and lets the file go. */
export type OpenJournal = Journal & { close(): void }

/**
 * Opens the journal in this thread; makes file and folder where they are missing. `told` hears of each transaction.
 *
 * @throws MgoError JOURNAL_FAILED
 */
export function openJournal(file: string, told?: (wrote: Wrote) => void): OpenJournal {
  const attempt = attemptOn(file)
  const database = attempt(() => open(file))
  const [requests, events, held] = [requestsOf(database), eventsOf(database), heldOf(database)]
  const halves = halvesOf(database)
  attempt(() => mendHalves(database, { requests, events }, Date.now))
  const writes = group(database, told)
  const write = <T>(work: () => T): Promise<T> =>
    writes.add(work).catch((cause: unknown) => {
      throw journalError(file, cause)
    })
  const read = async <T>(work: () => T): Promise<T> => attempt(work)
  return {
    accept: (request, once) => write(() => requests.accept(request, once)),
    again: (once) => read(() => requests.again(once)),
    attempting: (ids, base) => write(() => requests.attempting(ids, base)),
    committed: (id, commit) => write(() => requests.committed(id, commit)),
    finish: (verdict) => write(() => void (requests.finish(verdict) && halves.have('verdict', verdict.id))),
    find: (id) => read(() => requests.find(id)),
    unfinished: (after, limit) => read(() => requests.unfinished(after, limit)),
    openTags: (cluster, source) => read(() => requests.openTags(cluster, source)),
    counted: () => read(() => requests.counted()),
    waiting: () => read(() => requests.waiting()),
    begun: (ids) => write(() => requests.begun(ids)),
    calm: () => write(() => requests.calm()),
    list: (listing) => read(() => requests.list(listing)),
    append: (told) => write(() => append(told, events, halves)),
    eventsAfter: (after, of, limit) => read(() => events.after(after, of, limit)),
    firstEvent: (id) => read(() => events.firstOf(id)),
    lastEvent: () => read(() => events.last()),
    prune: (beforeMs, most) =>
      write(() => [requests, events, held].reduce((all, one) => all + one.prune(beforeMs, most), 0)),
    trail: trailOf(database, { attempt, write }),
    held: heldBy(held, { read, write }),
    close: () => {
      writes.flush()
      database.close()
    },
  }
}

function append(told: readonly Told[], events: Events, halves: Halves): readonly number[] {
  for (const one of told) if (one.kind === 'finished' && one.request !== undefined) halves.have('event', one.request.id)
  return events.append(told)
}

function attemptOn(file: string): <T>(work: () => T) => T {
  return (work) => {
    try {
      return work()
    } catch (cause) {
      throw journalError(file, cause)
    }
  }
}

type Using = {
  readonly attempt: <T>(work: () => T) => T
  readonly write: (work: () => void) => Promise<void>
}

function trailOf(database: DatabaseSync, { attempt, write }: Using): AuditTrail {
  const read = auditReader(database)
  const add = auditWriter(database)
  const token = tokenWriter(database)
  return {
    add: (entry) => write(() => add(entry)),
    token: (entry) => write(() => token(entry)),
    page: async (wanted) => attempt(() => read.page(wanted)),
    head: async () => attempt(() => read.head()),
  }
}

type Doing = { readonly read: <T>(work: () => T) => Promise<T>; readonly write: <T>(work: () => T) => Promise<T> }

function heldBy(held: HeldPushes, { read, write }: Doing): HeldMemory {
  return {
    hold: (push) => write(() => held.hold(push)),
    pinned: (push) => write(() => held.pinned(push)),
    end: (id, outcome) => write(() => held.end(id, outcome)),
    find: (id) => read(() => held.find(id)),
    before: (id) => read(() => held.before(id)),
    open: (after, limit) => read(() => held.open(after, limit)),
    newest: (limit) => read(() => held.newest(limit)),
    count: () => read(() => held.count()),
  }
}

function open(file: string): DatabaseSync {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  // SQLite would make it readable for everyone; its other two files take this one's mode.
  closeSync(openSync(file, 'a', 0o600))
  const database = new DatabaseSync(file, { timeout: 250 })
  try {
    // EXCLUSIVE: two servers on one journal would both take up what is unfinished. FULL: an accepted request survives
    // the machine, not only the process.
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;')
    migrate(database)
    keepAudit(database, Date.now)
  } catch (error) {
    database.close()
    throw error
  }
  return database
}
