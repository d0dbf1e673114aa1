/**
 * What was done to units lately. A round works through a plan that it made from what it saw; while it waits for its
 * turn, other rounds go on. What they did must be known until the last round that began before is over: else it does
 * the same once more, or takes a helm of this very process, at work when it looked, for somebody else's.
 *
 * @module
 */

/** `T`: what was done; `unclear`: something was tried and failed, and only the cluster knows how it stands. */
export type Lately<T> = {
  /** Before a round looks; call what it gives when the round is over. */
  begin(): () => void
  get(key: string): T | 'unclear' | undefined
  /** `settled`: from then on whoever looks sees it on the cluster. */
  note(key: string, what: T | 'unclear', settled: Promise<unknown>): void
}

type Note<T> = { readonly what: T | 'unclear'; settledBefore: number }

/** Makes an empty one. */
export function lately<T>(): Lately<T> {
  const notes = new Map<string, Note<T>>()
  const open = new Set<number>()
  let next = 0
  const forget = () => {
    const oldest = Math.min(...open, next)
    for (const [key, { settledBefore }] of notes) if (settledBefore <= oldest) notes.delete(key)
  }
  return {
    begin() {
      const mine = next++
      open.add(mine)
      return () => {
        open.delete(mine)
        forget()
      }
    },
    get: (key) => notes.get(key)?.what,
    note(key, what, settled) {
      const note: Note<T> = { what, settledBefore: Number.POSITIVE_INFINITY }
      notes.set(key, note)
      const end = () => {
        note.settledBefore = next
        forget()
      }
      settled.then(end, end)
    },
  }
}
