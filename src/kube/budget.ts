/**
 * How many requests are under way on one API server at once. A 429 halves it, a run of good answers lets it grow again
 * (additive increase, multiplicative decrease, as TCP does: RFC 5681).
 *
 * @module
 */
import type { Load } from '../kube-port.ts'

export type Budget = {
  /** Waits for a seat, works, gives the seat back. */
  seat<T>(work: () => Promise<T>): Promise<T>
  /** What the server thought of the last request. */
  told(answer: 'good' | 'busy'): void
  /** How it stands at the moment. */
  readonly load: () => Load
}

const most = 32
const least = 2
/** Good answers until one seat is added. */
const patience = 8

/** Makes the budget of one cluster. `changed` is told of each change. */
export function budget(changed: (load: Load) => void = () => undefined): Budget {
  let seats = 16
  let used = 0
  let good = 0
  const waiting: (() => void)[] = []
  const load = (): Load => ({ inUse: used, limit: seats, waiting: waiting.length })
  const admit = () => {
    while (used < seats && waiting.length > 0) {
      used++
      waiting.shift()?.()
    }
    changed(load())
  }
  return {
    async seat(work) {
      await new Promise<void>((resolve) => {
        waiting.push(resolve)
        admit()
      })
      try {
        return await work()
      } finally {
        used--
        admit()
      }
    },
    told(answer) {
      if (answer === 'busy') {
        seats = Math.max(least, Math.floor(seats / 2))
        good = 0
        return
      }
      good++
      if (good % patience === 0 && seats < most) seats++
    },
    load,
  }
}
