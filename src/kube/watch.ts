/**
 * State first, then changes, for as long as somebody listens. Level-triggered: whatever is lost on the way (410, a
 * silent connection, a reset, a restart of the API server) is made good by the next list.
 *
 * @module
 */
import { MgoError } from '../error.ts'
import type { K8sObject } from '../release/object.ts'
import type { WatchEvent } from '../ports.ts'
import { type Status, statusError } from './error.ts'
import type { Http } from './http.ts'
import { lines } from './lines.ts'
import { listAll, type WatchPath } from './list.ts'

/** Watches; see the port `Kube.watch`. Throws MgoError KUBE_DENIED, KUBE_REFUSED: what waiting does not mend. */
export async function* watch(http: Http, where: WatchPath, signal: AbortSignal): AsyncGenerator<WatchEvent> {
  const known = new Map<string, K8sObject>()
  let failures = 0
  let told = false
  while (!signal.aborted) {
    try {
      const { items, resourceVersion } = await listAll(http, where)
      yield* changes(known, items)
      if (!told) yield { kind: 'synced' }
      told = true
      for await (const event of follow(http, where, { from: resourceVersion, known, signal })) {
        failures = 0
        yield event
      }
    } catch (error) {
      if (signal.aborted) return
      if (isFinal(error)) throw error
      failures++
      await pause(failures, signal)
    }
  }
}

function isFinal(error: unknown): boolean {
  return !(error instanceof MgoError) || error.code === 'KUBE_DENIED' || error.code === 'KUBE_REFUSED'
}

function pause(failures: number, signal: AbortSignal): Promise<void> {
  const ms = Math.min(10_000, 100 * 2 ** failures) * (0.5 + Math.random())
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true })
  })
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

type Following = { readonly from: string; readonly known: Map<string, K8sObject>; readonly signal: AbortSignal }

/** Follows until the state must be listed anew. The server ends each watch after a while: that is no failure. */
async function* follow(http: Http, where: WatchPath, { from, known, signal }: Following): AsyncGenerator<WatchEvent> {
  let at = from
  for (;;) {
    const query = new URLSearchParams(where.query)
    query.set('watch', 'true')
    query.set('allowWatchBookmarks', 'true')
    query.set('resourceVersion', at)
    query.set('timeoutSeconds', String(240 + Math.floor(Math.random() * 240)))
    const answer = await http.stream({
      method: 'GET',
      path: `${where.path}?${query.toString()}`,
      what: where.what,
      signal,
    })
    if (answer.statusCode >= 300) {
      const status = (await answer.body.json().catch(() => ({}))) as Status
      if (answer.statusCode === 410) return
      throw statusError(where.what, answer.statusCode, status)
    }
    for await (const { type, object } of lines(answer.body)) {
      if (type === 'ERROR') {
        if (object.code === 410) return
        throw statusError(where.what, object.code ?? 500, object)
      }
      at = object.metadata.resourceVersion ?? at
      const event = remember(known, type, object)
      if (event !== undefined) yield event
    }
    if (signal.aborted) return
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
