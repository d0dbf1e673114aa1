/**
 * One hand at a time: work with the same key goes one after the other, and at most `width` things go at once.
 *
 * @module
 */
export type Lanes = <T>(key: string, work: () => Promise<T>) => Promise<T>

/** Makes lanes that share one width. The order of a lane is the order of asking. */
export function lanes(width: number): Lanes {
  const tails = new Map<string, Promise<unknown>>()
  const seats = semaphore(width)
  return (key, work) => {
    const before = tails.get(key) ?? Promise.resolve()
    const mine = before.then(
      () => seats(work),
      () => seats(work),
    )
    tails.set(key, mine)
    const leave = () => {
      if (tails.get(key) === mine) tails.delete(key)
    }
    mine.then(leave, leave)
    return mine
  }
}

function semaphore(width: number): <T>(work: () => Promise<T>) => Promise<T> {
  let free = width
  const waiting: (() => void)[] = []
  return async (work) => {
    if (free > 0) free--
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else free++
    }
  }
}
