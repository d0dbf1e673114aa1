/**
 * Where a branch is, as far as was seen: by asking, and by pushes of our own.
 *
 * @module
 */
import type { Pushed, Repo } from '../ports.ts'
import type { Commit } from '../release/ids.ts'
import type { Fetcher } from './fetch.ts'
import { sharing, turns } from './turns.ts'

export type Tips = Pick<Repo, 'tip' | 'fetch' | 'begin'> & {
  /** Says what became of a push of ours to `next`. */
  readonly pushed: (pushed: Pushed, next: Commit) => void
}

export type TipsFrom = {
  readonly fetcher: Fetcher
  /** Throws unless the new tip comes after the one that was seen before. */
  readonly check: (old: Commit, tip: Commit | undefined) => Promise<void>
  /** Milliseconds for a fetch; the first one, which may bring a whole history, has five times as many. */
  readonly timeoutMs: number
}

type Seen = { readonly tip: Commit | undefined }

/** Nothing was seen yet. */
export function openTips({ fetcher, check, timeoutMs }: TipsFrom): Tips {
  let seen: Seen | undefined
  let isOutrun = false
  const inTurn = turns()
  const ask = async (): Promise<Commit | undefined> => {
    const before = seen
    const tip = await fetcher.fetch(before?.tip, before === undefined ? timeoutMs * 5 : timeoutMs)
    if (before?.tip !== undefined) await check(before.tip, tip)
    // A push of our own may have come in between, and is newer than what was seen on the way.
    if (seen !== before && seen !== undefined) return seen.tip
    seen = { tip }
    return tip
  }
  const fetch = () => inTurn(ask)
  const first = sharing(fetch)
  // Many may ask at the start; the remote is asked once.
  const tip = async () => (seen === undefined ? first() : seen.tip)
  return {
    tip,
    fetch,
    async begin() {
      const before = seen?.tip
      if (!isOutrun || before === undefined) return { tip: await tip(), isFresh: false }
      const now = await fetch()
      isOutrun = now !== before
      return { tip: now, isFresh: true }
    },
    pushed({ kind }, next) {
      if (kind === 'pushed') seen = { tip: next }
      if (kind === 'moved') isOutrun = true
    },
  }
}
