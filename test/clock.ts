/**
 * The clock of this machine, and a faster one.
 *
 * @module
 */
import { randomBytes } from 'node:crypto'
import type { Clock } from '../src/ports.ts'
import { requestId } from '../src/release/ids.ts'

export const clock: Clock = {
  now: () => Date.now(),
  id: () => requestId(Date.now(), randomBytes(16)),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      signal?.addEventListener('abort', () => (clearTimeout(timer), resolve()))
    }),
}

/** Whoever waits tries again at once. */
export const hasty: Clock = { ...clock, sleep: (ms, signal) => clock.sleep(Math.min(ms, 20), signal) }
