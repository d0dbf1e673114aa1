/**
 * A batch that was not the first to push: how long it goes on, and when it tries again.
 *
 * @module
 */
import { MgoError } from '../error.ts'
import type { RequestId } from '../release/ids.ts'

/** Lost races end nothing while there is time. This long at most (ms), for others wait for the next batch. */
const longestMs = 120_000
/** Pushes without a clear answer, one after the other or not: more say that the git server is out of order. */
const mostUnclear = 24
/**
 * Whoever lost a race tries again at once: each moment gives the others time for the next push. Who loses again and again may be
 * in step with somebody who pushes at an even pace.
 */
const atOnce = 3
/** Milliseconds. */
const longestPause = { raced: 250, held: 1_000 }

export type Tried = {
  readonly pushes: number
  /** Of these, how many got no clear answer. */
  readonly unclear: number
  /** The last ones that failed although nobody else was first. */
  readonly held: number
  readonly tookMs: number
}

/** Whether it is time to give up. */
export function isEnough({ unclear, tookMs }: Tried): boolean {
  return unclear >= mostUnclear || tookMs > longestMs
}

/**
 * Milliseconds until the next try. Grows where something holds the branch; several that keep each other from it get out of step by
 * their ids.
 */
export function pauseMs(first: RequestId | undefined, { pushes, held }: Tried): number {
  if (held > 0) return Math.min(longestPause.held, 20 * 2 ** Math.min(held, 6))
  if (pushes < atOnce) return 0
  return spread(`${pushes} ${first}`) * Math.min(longestPause.raced, 40 * 2 ** Math.min(pushes - atOnce, 6))
}

/** Of a text a number from 0 to 1, another one for each (FNV-1a): chance is not a story's business. */
function spread(text: string): number {
  let hash = 2_166_136_261
  for (const char of text) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 16_777_619)
  return (hash >>> 0) / 2 ** 32
}

/** `name`: the repo, for people. */
export function busy(name: string, { pushes, unclear }: Tried): MgoError {
  const races = pushes - unclear
  const why = [
    ...(races > 0 ? [`others were first at ${races}`] : []),
    ...(unclear > 0 ? [`the git server gave no clear answer to ${unclear}`] : []),
  ]
  return new MgoError({
    code: 'GIT_BUSY',
    message: `none of ${pushes} pushes to ${name} came through: ${why.join(', ')}`,
    hint: 'Send the request again; nothing was deployed.',
  })
}
