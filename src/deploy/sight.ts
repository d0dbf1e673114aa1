/**
 * What is seen of a release's objects at this moment: the state behind a handful of watches.
 *
 * @module
 */
import type { Kube, Selection, WatchEvent } from '../ports.ts'
import { type K8sObject, objectId, objectKey } from '../release/object.ts'

export type Sight = {
  watch(selection: Selection): void
  /** Watches events about one object; once. */
  explain(uid: string, selection: Selection): void
  /** Resolves at the next change. */
  changed(): Promise<void>
  /** Whether the state behind every watch has been read once. */
  isComplete(): boolean
  /** Why a watch ended that should not have. */
  failure(): Error | undefined
  object(key: string): K8sObject | undefined
  /** As it was when first seen. */
  first(key: string): K8sObject | undefined
  around(object: K8sObject): { readonly related: readonly K8sObject[]; readonly events: readonly K8sObject[] }
  close(): void
}

type State = {
  readonly objects: Map<string, K8sObject>
  readonly first: Map<string, K8sObject>
  readonly events: Map<string, K8sObject>
  open: number
  failed: Error | undefined
  wake: () => void
}

/** Opens the eyes; nothing is watched yet. */
export function sight(kube: Kube): Sight {
  const stop = new AbortController()
  const state: State = {
    objects: new Map(),
    first: new Map(),
    events: new Map(),
    open: 0,
    failed: undefined,
    wake: () => undefined,
  }
  const started = new Set<string>()
  const once = (key: string): boolean => !started.has(key) && started.add(key) !== undefined
  return {
    watch(selection) {
      if (!once(JSON.stringify(selection))) return
      state.open++
      void follow(kube.watch(selection, stop.signal), state, 'objects')
    },
    explain(uid, selection) {
      if (once(uid)) void follow(kube.watch(selection, stop.signal), state, 'events')
    },
    changed: () =>
      new Promise<void>((resolve) => {
        state.wake = resolve
      }),
    isComplete: () => state.open === 0,
    failure: () => state.failed,
    object: (key) => state.objects.get(key),
    first: (key) => state.first.get(key),
    around: (object) => ({ related: relatives(object, state.objects), events: [...state.events.values()] }),
    close: () => stop.abort(),
  }
}

async function follow(events: AsyncIterable<WatchEvent>, state: State, into: 'objects' | 'events'): Promise<void> {
  try {
    for await (const event of events) {
      if (event.kind === 'synced') state.open -= into === 'objects' ? 1 : 0
      else remember(event, state, into)
      state.wake()
    }
  } catch (error) {
    // Without events a verdict is poorer, not wrong.
    if (into === 'objects') state.failed ??= error instanceof Error ? error : new Error(String(error))
    state.wake()
  }
}

function remember(event: Exclude<WatchEvent, { kind: 'synced' }>, state: State, into: 'objects' | 'events'): void {
  const key = objectKey(objectId(event.object))
  if (event.kind === 'gone') state[into].delete(key)
  else state[into].set(key, event.object)
  if (event.kind !== 'gone' && into === 'objects' && !state.first.has(key)) state.first.set(key, event.object)
}

/** What lives in the same namespace; the rules sort out what belongs to whom by the owner's uid. */
function relatives(object: K8sObject, objects: ReadonlyMap<string, K8sObject>): readonly K8sObject[] {
  const { namespace } = object.metadata
  return [...objects.values()].filter((one) => one.metadata.namespace === namespace && one !== object)
}
