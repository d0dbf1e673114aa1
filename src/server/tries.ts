/**
 * So many a minute for each key, and then no more until time has given some back.
 *
 * @module
 */
import type { Clock } from '../ports.ts'

export type Tries = {
  /** Takes one; `false` where there is none left. */
  spend(key: string): boolean
  /** Whether there is none left. */
  readonly isSpent: (key: string) => boolean
}

/** Keys that are known at once; the one that was not seen for longest is forgotten. */
const keyLimit = 20_000

/** Makes buckets of `perMinute`, full at first. */
export function tries(perMinute: number, clock: Pick<Clock, 'now'>): Tries {
  const buckets = new Map<string, { readonly left: number; readonly at: number }>()
  const left = (key: string): number => {
    const bucket = buckets.get(key)
    if (bucket === undefined) return perMinute
    // Clocks are put back, too.
    const passedMs = Math.max(0, clock.now() - bucket.at)
    return Math.min(perMinute, bucket.left + (passedMs * perMinute) / 60_000)
  }
  return {
    spend: (key) => {
      const now = left(key)
      buckets.delete(key)
      buckets.set(key, { left: Math.max(0, now - 1), at: clock.now() })
      const [oldest] = buckets.keys()
      if (buckets.size > keyLimit && oldest !== undefined) buckets.delete(oldest)
      return now >= 1
    },
    isSpent: (key) => left(key) < 1,
  }
}
