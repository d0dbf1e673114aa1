/**
 * Objects that the rules ask for, because they would tell more: each is read once, and again after a while.
 *
 * @module
 */
import type { Kube } from '../ports.ts'
import { type K8sObject, type ObjectId, objectKey } from '../release/object.ts'

export type Others = {
  /** Reads what is not known yet, or is known for too long. Calls `wake` for each answer. */
  ask(ids: readonly ObjectId[], nowMs: number): void
  /** Whether none of these will be known better in a moment. */
  isAnswered(ids: readonly ObjectId[]): boolean
  /** What has been read, by `objectKey`. What may not be read is left out. */
  known(): ReadonlyMap<string, K8sObject | 'absent'>
}

/** `unknown`: it may not be read. `undefined`: nobody has answered yet. */
type Other = { readonly atMs: number; answer: K8sObject | 'absent' | 'unknown' | undefined }

/** Of one release; a cause is found with the first. */
const most = 8
/** What was missing may be made meanwhile, while there is still hope. */
const askAgainMs = 5_000

/** Opens it for one release. */
export function openOthers(kube: Pick<Kube, 'get'>, wake: () => void): Others {
  const others = new Map<string, Other>()
  const read = async (id: ObjectId, other: Other): Promise<void> => {
    other.answer = await kube.get(id).then(
      (answer) => answer ?? ('absent' as const),
      () => 'unknown' as const,
    )
    wake()
  }
  return {
    ask(ids, nowMs) {
      for (const id of ids) {
        const key = objectKey(id)
        const before = others.get(key)
        if (before === undefined ? others.size >= most : nowMs - before.atMs < askAgainMs) continue
        const other: Other = { atMs: nowMs, answer: before?.answer }
        others.set(key, other)
        void read(id, other)
      }
    },
    isAnswered: (ids) =>
      ids.every((id) => {
        const other = others.get(objectKey(id))
        // One too many is never asked for.
        return other === undefined ? others.size >= most : other.answer !== undefined
      }),
    known: () =>
      new Map(
        [...others].flatMap(([key, { answer }]) =>
          answer === undefined || answer === 'unknown' ? [] : [[key, answer] as const],
        ),
      ),
  }
}
