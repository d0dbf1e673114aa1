/**
 * Long work in one thread, with turns for others in between: a large batch must not hold up whoever sends the next
 * request, or asks whether the server lives.
 *
 * @module
 */
import type { Clock } from '../ports.ts'

/** Milliseconds of work without a pause. */
const atOnceMs = 10
/** A turn of the others that takes longer than this says that they have much to do. */
const busyMs = 5
/** Then they get more turns, but the work is held up no longer than this at a time (ms). */
const longestMs = 100

/** Makes what is called between two pieces of work; it returns at once unless a pause is due. */
export function breath(clock: Pick<Clock, 'now' | 'sleep'>): () => Promise<void> {
  let since = clock.now()
  return async () => {
    const begun = clock.now()
    if (begun - since < atOnceMs) return
    for (since = begun; since - begun < longestMs; ) {
      const before = since
      await clock.sleep(0)
      since = clock.now()
      if (since - before < busyMs) return
    }
  }
}
