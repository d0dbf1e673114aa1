/**
 * So many a minute, as a bucket that fills with time: bursts up to a minute's worth are fine, a flood is not. Pure.
 *
 * @module
 */

/** Fractions add up with an error; this much less than one is one. */
const nearly = 1 - 1e-6

/** What was left at a time, in milliseconds since the epoch. */
export type Bucket = { readonly left: number; readonly at: number }

export type Rate = { readonly perMinute: number; readonly now: number }

/** What is in a bucket now; one that nobody used yet is full. */
export function leftIn(bucket: Bucket | undefined, { perMinute, now }: Rate): number {
  if (bucket === undefined) return perMinute
  // Clocks are put back, too.
  const passedMs = Math.max(0, now - bucket.at)
  return Math.min(perMinute, bucket.left + (passedMs * perMinute) / 60_000)
}

/** Milliseconds until one can be taken; 0: at once. */
export function waitFor(bucket: Bucket | undefined, rate: Rate): number {
  const left = leftIn(bucket, rate)
  return left >= nearly ? 0 : Math.ceil(((1 - left) * 60_000) / rate.perMinute)
}

/** The bucket after one was asked for, whether it was there or not: who asks in vain neither gains nor loses by it. */
export function spend(bucket: Bucket | undefined, rate: Rate): Bucket {
  const left = leftIn(bucket, rate)
  return { left: left >= nearly ? Math.max(0, left - 1) : left, at: rate.now }
}
