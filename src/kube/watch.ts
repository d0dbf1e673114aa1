/**
 * State first, then changes, for as long as somebody listens. Level-triggered: whatever is lost on the way (410, a
 * silent connection, a reset, a restart of the API server) is made good by the next state.
 *
 * The state comes with the watch itself where the server can do that (`sendInitialEvents`, KEP 3157): one request
 * instead of two. Other servers are asked with a list first.
 *
 * @module
 */
import { MgoError } from '../error.ts'
import type { K8sObject } from '../release/object.ts'
import type { WatchEvent } from '../ports.ts'
import { parsed, textOf } from './body.ts'
import { type Status, statusError } from './error.ts'
import type { Http } from './http.ts'
import { type Line, lines } from './lines.ts'
import { listAll, type WatchPath } from './list.ts'

/**
 * How long one connection lives, the first, the second …: the server ends it then, and a connection that outlives it is
 * silent, so that is how soon silence is noticed. Most rollouts are over within the first; who waits long asks seldom.
 */
const livesMs = [15_000, 30_000, 60_000, 120_000, 240_000]
const graceMs = 3_000
/** Until the state at the start is complete. A server that knows no `sendInitialEvents` may send events and never an end. */
const stateMs = 10_000
/** A connection that lived this long was a good one. */
const goodMs = 1_000
/** A server that comes up again may refuse for a moment what it granted before. */
const denials = 10

/** What one watch knows. `at`: the version to go on from, `undefined` where the state must be read anew. */
type Course = {
  readonly http: Http
  readonly where: WatchPath
  readonly known: Map<string, K8sObject>
  readonly signal: AbortSignal
  at: string | undefined
  streams: boolean
  turn: number
}

/** Watches; see the port `Kube.watch`. Throws MgoError KUBE_DENIED, KUBE_REFUSED: what waiting does not mend. */
export async function* watch(http: Http, where: WatchPath, signal: AbortSignal): AsyncGenerator<WatchEvent> {
  const course: Course = { http, where, signal, known: new Map(), at: undefined, streams: true, turn: 0 }
  let failures = 0
  let told = false
  while (!signal.aborted) {
    const begun = performance.now()
    try {
      for await (const event of follow(course)) {
        told ||= event.kind === 'synced'
        if (event.kind !== 'synced') failures = 0
        yield event
      }
      failures = performance.now() - begun < goodMs ? failures + 1 : 0
    } catch (error) {
      if (signal.aborted) return
      if (isFinal(error) && (!told || failures >= denials)) throw error
      failures = performance.now() - begun > goodMs ? 1 : failures + 1
      yield { kind: 'lost' }
    }
    if (failures > 0) await pause(failures, signal)
  }
}

function isFinal(error: unknown): boolean {
  if (error instanceof MgoError) return error.code === 'KUBE_DENIED' || error.code === 'KUBE_REFUSED'
  // A connection that breaks while its body is read says so with a code of its own (ECONNRESET, UND_ERR_SOCKET).
  return typeof (error as { readonly code?: unknown } | null)?.code !== 'string'
}

/** Fast first, because most cuts are over at once; then further and further apart. */
function pause(failures: number, signal: AbortSignal): Promise<void> {
  const ms = Math.min(10_000, 15 * 2 ** failures) * (0.5 + Math.random())
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end, { once: true })
  })
}

/** One connection, from the state or from where the last one ended. Ends when the server ends it. */
async function* follow(course: Course): AsyncGenerator<WatchEvent> {
  const { known } = course
  if (course.at === undefined && !course.streams) {
    const { items, resourceVersion } = await listAll(course.http, course.where)
    yield* changes(known, items)
    course.at = resourceVersion
  }
  const fresh = course.at === undefined ? new Map<string, K8sObject>() : undefined
  let open = fresh !== undefined
  for await (const line of connection(course, () => !open)) {
    if (line === 'open') {
      if (fresh === undefined) yield { kind: 'synced' }
      continue
    }
    const { type, object } = line
    if (fresh !== undefined && open) {
      // What changes while the state is told comes among it, and not again after its end (client-go, handleAnyWatch).
      if (type === 'ADDED' || type === 'MODIFIED') fresh.set(key(object), object)
      if (type === 'DELETED') fresh.delete(key(object))
      if (!isStateEnd(line)) continue
      open = false
      course.at = object.metadata.resourceVersion
      yield* changes(known, [...fresh.values()])
      yield { kind: 'synced' }
      continue
    }
    course.at = object.metadata.resourceVersion ?? course.at
    const event = remember(known, type, object)
    if (event !== undefined) yield event
  }
}

function isStateEnd({ type, object }: Line): boolean {
  return type === 'BOOKMARK' && object.metadata.annotations?.['k8s.io/initial-events-end'] === 'true'
}

/** The lines of one connection, after the word that it stands. 410 ends it, and the state is read anew. */
async function* connection(course: Course, hasState: () => boolean): AsyncGenerator<Line | 'open'> {
  const { http, where, signal } = course
  const lifeMs = livesMs[Math.min(course.turn++, livesMs.length - 1)] ?? 0
  const silent = new AbortController()
  const end = () => silent.abort()
  const life = setTimeout(end, lifeMs + graceMs)
  const state = setTimeout(() => (hasState() ? undefined : noStreams(course, silent)), stateMs)
  signal.addEventListener('abort', end, { once: true })
  try {
    const path = `${where.path}?${queryOf(course, lifeMs).toString()}`
    const answer = await http.stream({ method: 'GET', path, what: where.what, signal: silent.signal })
    if (answer.statusCode >= 300) {
      const status = (parsed(await textOf(answer.body).catch(() => '')) ?? {}) as Status
      return refused(course, answer.statusCode, status)
    }
    yield 'open'
    for await (const line of lines(answer.body)) {
      if (line.type === 'ERROR') return refused(course, line.object.code ?? 500, line.object)
      yield line
    }
  } catch (error) {
    // Silence is no failure of the server: the next connection goes on from where this one was.
    if (!silent.signal.aborted || signal.aborted) throw error
  } finally {
    clearTimeout(life)
    clearTimeout(state)
    signal.removeEventListener('abort', end)
    silent.abort()
  }
}

function noStreams(course: Course, silent: AbortController): void {
  course.streams = false
  silent.abort()
}

function queryOf({ where, at }: Course, lifeMs: number): URLSearchParams {
  const query = new URLSearchParams(where.query)
  query.set('watch', 'true')
  query.set('allowWatchBookmarks', 'true')
  query.set('timeoutSeconds', String(Math.round((lifeMs / 1000) * (0.8 + Math.random() * 0.2))))
  if (at === undefined) {
    query.set('sendInitialEvents', 'true')
    query.set('resourceVersionMatch', 'NotOlderThan')
  } else query.set('resourceVersion', at)
  return query
}

/** What the server will not go on with: too old, or a way of asking that it does not know. Throws all else. */
function refused(course: Course, code: number, status: Status): void {
  const asksForState = course.at === undefined && course.streams
  course.at = code === 410 ? undefined : course.at
  if (code === 410) return
  if (asksForState && (code === 400 || code === 422)) {
    course.streams = false
    return
  }
  throw statusError(course.where.what, code, status)
}

function key({ metadata }: K8sObject): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`
}

function* changes(known: Map<string, K8sObject>, items: readonly K8sObject[]): Generator<WatchEvent> {
  const now = new Map(items.map((item) => [key(item), item]))
  for (const [name, old] of known) {
    if (now.has(name)) continue
    known.delete(name)
    yield { kind: 'gone', object: old }
  }
  for (const [name, object] of now) {
    const old = known.get(name)
    if (old?.metadata.resourceVersion === object.metadata.resourceVersion) continue
    known.set(name, object)
    yield { kind: old === undefined ? 'added' : 'modified', object }
  }
}

function remember(known: Map<string, K8sObject>, type: string, object: K8sObject): WatchEvent | undefined {
  const name = key(object)
  switch (type) {
    case 'ADDED':
    case 'MODIFIED': {
      const kind = known.has(name) ? 'modified' : 'added'
      known.set(name, object)
      return { kind, object }
    }
    case 'DELETED':
      known.delete(name)
      return { kind: 'gone', object }
    default:
      return undefined
  }
}
