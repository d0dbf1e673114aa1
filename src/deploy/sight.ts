/**
 * What is seen of a release's objects at this moment: the state behind a handful of watches.
 *
 * @module
 */
import type { Kube, Selection } from '../ports.ts'
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

/** Opens the eyes; nothing is watched yet. */
export function sight(kube: Kube): Sight {
  const stop = new AbortController()
  const objects = new Map<string, K8sObject>()
  const first = new Map<string, K8sObject>()
  const events = new Map<string, K8sObject>()
  const explained = new Set<string>()
  const started = new Set<string>()
  let open = 0
  let failed: Error | undefined
  let wake: () => void = () => undefined

  async function follow(selection: Selection, into: Map<string, K8sObject>, counts: boolean): Promise<void> {
    try {
      for await (const event of kube.watch(selection, stop.signal)) {
        if (event.kind === 'synced') open -= counts ? 1 : 0
        else {
          const key = objectKey(objectId(event.object))
          if (event.kind === 'gone') into.delete(key)
          else into.set(key, event.object)
          if (event.kind !== 'gone' && !first.has(key) && into === objects) first.set(key, event.object)
        }
        wake()
      }
    } catch (error) {
      // Without events a verdict is poorer, not wrong.
      if (counts) failed ??= error instanceof Error ? error : new Error(String(error))
      wake()
    }
  }

  return {
    watch(selection) {
      const key = JSON.stringify(selection)
      if (started.has(key)) return
      started.add(key)
      open++
      void follow(selection, objects, true)
    },
    explain(uid, selection) {
      if (explained.has(uid)) return
      explained.add(uid)
      void follow(selection, events, false)
    },
    changed: () =>
      new Promise<void>((resolve) => {
        wake = resolve
      }),
    isComplete: () => open === 0,
    failure: () => failed,
    object: (key) => objects.get(key),
    first: (key) => first.get(key),
    around: (object) => ({ related: relatives(object, objects), events: [...events.values()] }),
    close: () => stop.abort(),
  }
}

/** What lives in the same namespace; the rules sort out what belongs to whom by the owner's uid. */
function relatives(object: K8sObject, objects: ReadonlyMap<string, K8sObject>): readonly K8sObject[] {
  const { namespace } = object.metadata
  return [...objects.values()].filter((one) => one.metadata.namespace === namespace && one !== object)
}
