/**
 * Who comes next. Requests are taken some at a time, in the order in which they came, with a turn of the loop in
 * between: the work for a thousand of them is not one piece that a health check would have to wait for.
 *
 * @module
 */
import { MgoError } from '../error.ts'

export type Admission = {
  /** Resolves when it is the caller's turn; at once where nobody waits. Throws OVERLOADED where that would take too long. */
  enter(): Promise<void>
}

/** Taken in one turn of the loop: some 10 ms of work where an accept takes 0.3 ms (bench/RESULTS.md, P8). */
const atOnce = 32
/** Where the first of the line has waited longer than this (ms), the line grows faster than it is served. */
const longestMs = 2_000

type Waiting = { readonly since: number; readonly enter: () => void }

export type Loop = {
  /** Milliseconds that only grow. */
  readonly now: () => number
  /** Runs something in the next turn. */
  readonly later: (work: () => void) => void
}

const realLoop: Loop = { now: () => performance.now(), later: setImmediate }

/** Opens the line. */
export function admission({ now, later }: Loop = realLoop): Admission {
  const line: Waiting[] = []
  let taken = 0
  let isTurning = false
  const turn = (): void => {
    isTurning = false
    taken = 0
    for (const one of line.splice(0, atOnce)) {
      taken++
      one.enter()
    }
    if (taken > 0) next()
  }
  const next = (): void => {
    if (!isTurning) later(turn)
    isTurning = true
  }
  return {
    enter() {
      next()
      if (line.length === 0 && taken < atOnce) {
        taken++
        return Promise.resolve()
      }
      const [first] = line
      const waitedMs = first === undefined ? 0 : now() - first.since
      if (waitedMs > longestMs) return Promise.reject(tooLong(waitedMs))
      return new Promise((enter) => void line.push({ since: now(), enter }))
    },
  }
}

function tooLong(ms: number): MgoError {
  return new MgoError({
    code: 'OVERLOADED',
    message: `more comes in than this server can take: requests wait for ${Math.round(ms / 100) / 10} s`,
    hint: 'Send the request again in a few seconds.',
  })
}
