/**
 * What is seen of a release's objects at this moment: the state behind a handful of watches. Which ones is said anew at
 * each look; those that are wanted no longer end.
 *
 * @module
 */
import type { Kube, Selection, WatchEvent } from '../ports.ts'
import { type K8sObject, objectId, objectKey } from '../release/object.ts'
import { textAt } from '../verdict/at.ts'

export type Sight = {
  /** Watches exactly these from now on. `events` may come late; without `state` nothing is judged. */
  watch(wanted: { readonly state: readonly Selection[]; readonly events: readonly Selection[] }): void
  /** Resolves at the next change. */
  readonly changed: () => Promise<void>
  /** Whether the state behind every watch of this kind has been read once. */
  isComplete(kind: 'state' | 'events'): boolean
  /** Whether no connection is lost at the moment. */
  readonly isLive: () => boolean
  /** Why a watch ended that should not have. */
  failure(): Error | undefined
  seen(): Seen
  /** Tells whoever waits that something else has changed. */
  readonly wake: () => void
  close(): void
}

/** The state, once for each look. */
export type Seen = {
  readonly objects: ReadonlyMap<string, K8sObject>
  /** Objects by the uid of their owners. */
  readonly owned: ReadonlyMap<string, readonly K8sObject[]>
  /** Oldest first. */
  readonly events: readonly K8sObject[]
  /** Whether the state behind this very selection has been read. */
  readonly isRead: (selection: Selection) => boolean
}

type One = {
  readonly kind: 'state' | 'events'
  readonly stop: AbortController
  readonly objects: Map<string, K8sObject>
  synced: boolean
  lost: boolean
}

type Eyes = { readonly watches: Map<string, One>; failed: Error | undefined; wake: () => void }

/** Opens the eyes; nothing is watched yet. */
export function sight(kube: Pick<Kube, 'watch'>): Sight {
  const eyes: Eyes = { watches: new Map(), failed: undefined, wake: () => undefined }
  const open = (key: string, kind: One['kind'], selection: Selection): void => {
    const one: One = { kind, stop: new AbortController(), objects: new Map(), synced: false, lost: false }
    eyes.watches.set(key, one)
    void follow(kube.watch(selection, one.stop.signal), one, eyes)
  }
  return {
    watch({ state, events }) {
      const wanted = new Map<string, readonly [One['kind'], Selection]>([
        ...events.map((one) => [JSON.stringify(one), ['events', one]] as const),
        ...state.map((one) => [JSON.stringify(one), ['state', one]] as const),
      ])
      for (const [key, one] of eyes.watches) {
        if (wanted.has(key)) continue
        eyes.watches.delete(key)
        one.stop.abort()
      }
      for (const [key, [kind, selection]] of wanted) if (!eyes.watches.has(key)) open(key, kind, selection)
    },
    changed: () =>
      new Promise<void>((resolve) => {
        eyes.wake = resolve
      }),
    isComplete: (kind) => [...eyes.watches.values()].every((one) => one.kind !== kind || one.synced),
    isLive: () => [...eyes.watches.values()].every((one) => one.kind !== 'state' || !one.lost),
    failure: () => eyes.failed,
    seen: () => gathered(eyes.watches),
    wake: () => eyes.wake(),
    close() {
      for (const { stop } of eyes.watches.values()) stop.abort()
      eyes.watches.clear()
    },
  }
}

async function follow(events: AsyncIterable<WatchEvent>, one: One, eyes: Eyes): Promise<void> {
  try {
    for await (const event of events) {
      remember(event, one)
      // Before its state is complete a watch tells nothing that could be judged.
      if (one.synced) eyes.wake()
    }
  } catch (error) {
    // Without events a verdict is poorer, not wrong.
    if (one.kind === 'state' && !one.stop.signal.aborted)
      eyes.failed ??= error instanceof Error ? error : new Error(String(error))
    one.synced = true
    eyes.wake()
  }
}

function remember(event: WatchEvent, one: One): void {
  switch (event.kind) {
    case 'synced':
      one.synced = true
      one.lost = false
      break
    case 'lost':
      one.lost = true
      break
    case 'gone':
      one.objects.delete(objectKey(objectId(event.object)))
      break
    case 'added':
    case 'modified':
      one.objects.set(objectKey(objectId(event.object)), event.object)
  }
}

function gathered(watches: ReadonlyMap<string, One>): Seen {
  const of = (kind: One['kind']) =>
    [...watches.values()].filter((one) => one.kind === kind).flatMap((one) => [...one.objects])
  const objects = new Map(of('state'))
  const owned = new Map<string, K8sObject[]>()
  for (const object of objects.values())
    for (const { uid } of object.metadata.ownerReferences ?? []) {
      const known = owned.get(uid)
      if (known === undefined) owned.set(uid, [object])
      else known.push(object)
    }
  const events = of('events').map(([, event]) => event)
  const isRead = (selection: Selection) => watches.get(JSON.stringify(selection))?.synced === true
  return { objects, owned, isRead, events: events.toSorted((a, b) => (timeOf(a) < timeOf(b) ? -1 : 1)) }
}

/** When an event was last seen: the old and the new API keep it in different fields. */
function timeOf(event: K8sObject): string {
  return (
    textAt(event, 'series', 'lastObservedTime') ??
    textAt(event, 'lastTimestamp') ??
    textAt(event, 'eventTime') ??
    event.metadata.creationTimestamp ??
    ''
  )
}
