/**
 * A cluster for stories, as a script: objects are put and taken away by hand, and time moves only when it is told to. It
 * knows what a verdict needs of an API server: selections, watches, what was asked. Races that no real cluster would
 * play twice are played here.
 *
 * @module
 */
import type { Clock, Kube, Resource, Selection, WatchEvent } from '../src/ports.ts'
import type { RequestId } from '../src/release/ids.ts'
import { at } from '../src/verdict/at.ts'
import { type K8sObject, objectId, objectKey } from '../src/release/object.ts'

export type Script = {
  readonly kube: Kube
  readonly clock: Clock
  /** What was asked: `watch pods app=web`, `metadata ConfigMap shop/web` … */
  readonly asked: string[]
  /** Stores objects as they are; each gets the next resourceVersion. */
  put(...objects: readonly K8sObject[]): void
  take(object: K8sObject): void
  /** Cuts every watch off from what happens, until `mend`. `told`: whether the watchers notice. */
  cut(told: 'told' | 'silent'): void
  mend(): void
  /** Moves time, in small steps, so that everything that is due happens in order. */
  pass(ms: number): Promise<void>
}

type Watcher = { readonly selection: Selection; readonly queue: WatchEvent[]; wake: () => void; known: Set<string> }
type Timer = { readonly at: number; readonly ring: () => void }

const kinds: Readonly<Record<string, readonly [plural: string, hasStatus: boolean]>> = {
  Deployment: ['deployments', true],
  ReplicaSet: ['replicasets', true],
  StatefulSet: ['statefulsets', true],
  DaemonSet: ['daemonsets', true],
  Job: ['jobs', true],
  Pod: ['pods', true],
  Event: ['events', false],
  ConfigMap: ['configmaps', false],
  Secret: ['secrets', false],
  Service: ['services', true],
  PersistentVolumeClaim: ['persistentvolumeclaims', true],
  Database: ['databases', true],
}

/** Makes an empty cluster at a fixed hour. */
export function script(startMs = Date.parse('2026-01-01T12:00:00Z')): Script {
  const store = new Map<string, K8sObject>()
  const watchers = new Set<Watcher>()
  const timers = new Set<Timer>()
  const asked: string[] = []
  let [nowMs, version] = [startMs, 0]
  let way: 'open' | 'told' | 'silent' = 'open'
  let cutSince: number | undefined

  const tell = (watcher: Watcher, event: WatchEvent): void => {
    watcher.queue.push(event)
    watcher.wake()
  }
  const sync = (watcher: Watcher): void => {
    const now = new Map([...store].filter(([, object]) => isSelected(object, watcher.selection)))
    for (const key of watcher.known) {
      const object = store.get(key)
      if (!now.has(key)) tell(watcher, { kind: 'gone', object: object ?? placeholder(key) })
    }
    for (const object of now.values()) tell(watcher, { kind: 'added', object })
    watcher.known = new Set(now.keys())
    tell(watcher, { kind: 'synced' })
  }
  const changed = (key: string, object: K8sObject): void => {
    if (way !== 'open') return
    for (const watcher of watchers) {
      const was = watcher.known.has(key)
      const is = store.has(key) && isSelected(object, watcher.selection)
      if (is) watcher.known.add(key)
      else watcher.known.delete(key)
      if (is) tell(watcher, { kind: was ? 'modified' : 'added', object })
      else if (was) tell(watcher, { kind: 'gone', object })
    }
  }
  const kube: Kube = {
    context: 'script',
    server: 'script',
    namespace: 'default',
    insidePod: false,
    version: async () => ({ gitVersion: 'v1.37.2', minor: '37' }),
    hearing: () => ({
      heardAt: nowMs,
      silentSince: cutSince,
      why: cutSince === undefined ? undefined : 'it is cut off',
    }),
    load: () => ({ inUse: 0, limit: 16, waiting: 0 }),
    ping: async () => undefined,
    resource: async (group, v, kind) => resourceOf(group, v, kind),
    apiVersions: async () => ['v1', 'apps/v1'],
    get: async (id) => {
      asked.push(`get ${id.kind} ${id.namespace}/${id.name}`)
      return store.get(objectKey(id))
    },
    getMetadata: async (id) => {
      asked.push(`metadata ${id.kind} ${id.namespace}/${id.name}`)
      return store.get(objectKey(id))
    },
    list: async (selection) => [...store.values()].filter((one) => isSelected(one, selection)),
    listMetadata: async (selection) => [...store.values()].filter((one) => isSelected(one, selection)),
    apply: async (object) => object,
    create: async (object) => object,
    delete: async () => 'gone',
    async *watch(selection, signal) {
      asked.push(`watch ${selection.resource.plural} ${[selection.labels, selection.fields].filter(Boolean).join(' ')}`)
      const watcher: Watcher = { selection, queue: [], wake: () => undefined, known: new Set() }
      watchers.add(watcher)
      signal.addEventListener('abort', () => (watchers.delete(watcher), watcher.wake()), { once: true })
      sync(watcher)
      while (!signal.aborted) {
        const event = watcher.queue.shift()
        if (event !== undefined) yield event
        else
          await new Promise<void>((resolve) => {
            watcher.wake = resolve
          })
      }
    },
    close: async () => undefined,
  }
  return {
    kube,
    asked,
    clock: {
      now: () => nowMs,
      id: () => '01JD0000000000000000000000' as RequestId,
      sleep: (ms, signal) =>
        new Promise((resolve) => {
          const timer: Timer = { at: nowMs + ms, ring: resolve }
          timers.add(timer)
          signal?.addEventListener('abort', () => (timers.delete(timer), resolve()), { once: true })
        }),
    },
    put(...objects) {
      for (const object of objects) {
        const metadata = { uid: `uid-${object.kind}-${object.metadata.name}`, ...object.metadata }
        const stored = { ...object, metadata: { ...metadata, resourceVersion: String(++version) } }
        const key = objectKey(objectId(stored))
        store.set(key, stored)
        changed(key, stored)
      }
    },
    take(object) {
      const key = objectKey(objectId(object))
      const stored = store.get(key)
      store.delete(key)
      if (stored !== undefined) changed(key, stored)
    },
    cut(told) {
      way = told
      if (told === 'told') cutSince = nowMs
      if (told === 'told') for (const watcher of watchers) tell(watcher, { kind: 'lost' })
    },
    mend() {
      way = 'open'
      cutSince = undefined
      for (const watcher of watchers) sync(watcher)
    },
    async pass(ms) {
      const end = nowMs + ms
      await quiet()
      for (;;) {
        const [next] = [...timers].toSorted((a, b) => a.at - b.at)
        if (next === undefined || next.at > end) break
        timers.delete(next)
        nowMs = Math.max(nowMs, next.at)
        next.ring()
        await quiet()
      }
      nowMs = end
    },
  }
}

/** Until nothing that is due is left to do. */
async function quiet(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
}

function resourceOf(group: string, version: string, kind: string): Resource | undefined {
  const found = kinds[kind]
  if (found === undefined) return undefined
  return { group, version, kind, plural: found[0], namespaced: true, hasStatus: found[1] }
}

function placeholder(key: string): K8sObject {
  const [group = '', kind = '', namespace = '', name = ''] = key.split('/')
  return { apiVersion: group === '' ? 'v1' : `${group}/v1`, kind, metadata: { name, namespace } }
}

function isSelected(object: K8sObject, { resource, namespace, labels, fields }: Selection): boolean {
  if (kinds[object.kind]?.[0] !== resource.plural || objectId(object).group !== resource.group) return false
  if (namespace !== '' && object.metadata.namespace !== namespace) return false
  const hasLabels = (labels ?? '').split(',').every((one) => {
    const [key = '', value] = one.split('=')
    return one === '' || object.metadata.labels?.[key] === value
  })
  return hasLabels && (fields ?? '').split(',').every((one) => one === '' || hasField(object, one))
}

function hasField(object: K8sObject, field: string): boolean {
  const [, path = '', not, want = ''] = /^([^!=]+)(!?)=(.*)$/.exec(field) ?? []
  const isEqual = at(object, ...path.split('.')) === want
  return not === '!' ? !isEqual : isEqual
}
