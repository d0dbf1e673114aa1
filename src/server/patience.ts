/**
 * Waits that have a limit, and that all end when the server does: nobody's answer holds the process back.
 *
 * @module
 */
import type { Clock } from '../ports.ts'

export type Patience = {
  readonly state: () => 'open' | 'closing' | 'ended'
  /** From here on nothing new is begun. */
  readonly close: () => void
  /** Ends all waits, and those to come. */
  readonly end: () => void
  /** What `work` gives, or `undefined` after `ms`; with 0, only what is there already. */
  readonly atMost: <T>(work: Promise<T>, ms: number) => Promise<T | undefined>
}

/** Without a reason of ours each abort would make an exception with its stack. */
const isOver = 'over'

/** Makes waits that share one end. */
export function patience(clock: Pick<Clock, 'sleep'>): Patience {
  const stops = new Set<AbortController>()
  let state: 'open' | 'closing' | 'ended' = 'open'
  return {
    state: () => state,
    close: () => {
      state = 'closing'
    },
    end: () => {
      state = 'ended'
      for (const stop of stops) stop.abort()
    },
    atMost: async (work, ms) => {
      if (ms <= 0) return Promise.race([work, Promise.resolve(undefined)])
      const stop = new AbortController()
      stops.add(stop)
      if (state === 'ended') stop.abort()
      try {
        return await Promise.race([work, clock.sleep(ms, stop.signal).then(() => undefined)])
      } finally {
        stops.delete(stop)
        stop.abort(isOver)
      }
    },
  }
}
