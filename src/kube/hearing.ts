/**
 * Whether an API server was heard of lately: it listens to the requests to it. Any answer counts, a refusal too.
 *
 * @module
 */
import type { Hearing } from '../kube-port.ts'
import { reachError } from './error.ts'

export type Ear = {
  /** What `work` gives or throws. Who aborts by `signal` after a long wait has found out that it is silent. */
  readonly hears: <T>(work: Promise<T>, signal: AbortSignal | undefined) => Promise<T>
  readonly heard: () => Hearing
}

/** Who goes away sooner has found out nothing. Milliseconds. */
const longMs = 5_000

/** Makes an ear that has heard nothing. `now`: milliseconds since the epoch. */
export function ear(server: string, now: () => number): Ear {
  let heardAt: number | undefined
  let failed: { readonly since: number; readonly why: string } | undefined
  const open = new Set<{ readonly at: number }>()
  const oldest = (): number | undefined => {
    const [first] = open
    // Who was asked before the last answer may merely be slow.
    return first === undefined ? undefined : Math.max(first.at, heardAt ?? first.at)
  }
  return {
    async hears(work, signal) {
      const mine = { at: now() }
      open.add(mine)
      try {
        const answer = await work
        heardAt = now()
        failed = undefined
        return answer
      } catch (cause) {
        const since = failed?.since ?? Math.max(mine.at, heardAt ?? mine.at)
        if (signal?.aborted !== true) failed = { since, why: reachError(server, cause).message }
        else if (now() - since >= longMs) failed = { since, why: `the API server ${server} gives no answer` }
        throw cause
      } finally {
        open.delete(mine)
      }
    },
    heard: () => ({ heardAt, silentSince: failed?.since ?? oldest(), why: failed?.why }),
  }
}
