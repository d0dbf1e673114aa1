/**
 * So many a minute for each key, and then no more until time has given some back.
 *
 * @module
 */
import { type Bucket, spend, waitFor } from '../access/bucket.ts'
import { MgoError } from '../error.ts'
import type { Clock } from '../ports.ts'

export type Tries = {
  /** Takes one; gives the milliseconds until there is one again, 0 where there was one. */
  spend(key: string): number
  /** Milliseconds until there is one, 0 where there is. */
  readonly wait: (key: string) => number
}

/** Keys that are known at once; the one that was not seen for longest is forgotten. */
const keyLimit = 20_000

/** Makes buckets of `perMinute`, full at first. The limit is asked each time: settings change while a server runs. */
export function tries(perMinute: () => number, clock: Pick<Clock, 'now'>): Tries {
  const buckets = new Map<string, Bucket>()
  const rate = () => ({ perMinute: perMinute(), now: clock.now() })
  return {
    spend: (key) => {
      const [bucket, now] = [buckets.get(key), rate()]
      const waitMs = waitFor(bucket, now)
      buckets.delete(key)
      buckets.set(key, spend(bucket, now))
      const [oldest] = buckets.keys()
      if (buckets.size > keyLimit && oldest !== undefined) buckets.delete(oldest)
      return waitMs
    },
    wait: (key) => waitFor(buckets.get(key), rate()),
  }
}

/** RATE_LIMITED, with the time after which it works again. */
export function limited(message: string, retryAfterMs: number): MgoError {
  return new MgoError(
    {
      code: 'RATE_LIMITED',
      message,
      hint: 'Wait as long as Retry-After says; see limits in the server’s settings.',
    },
    { retryAfterMs },
  )
}
