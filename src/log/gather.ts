/**
 * Lines of one moment, written in one piece: under load a write for each costs more than all else about it.
 *
 * @module
 */
export type Gathered = {
  /** Takes a whole line with its line break. */
  readonly write: (line: string) => void
  /** Writes at once what still waits. */
  readonly flush: () => void
}

/** What was said in one turn of the loop is written at its end, like the journal: a killed process loses no more of it. */
export function gathered(write: (text: string) => void): Gathered {
  let waiting = ''
  const flush = (): void => {
    const text = waiting
    waiting = ''
    if (text !== '') write(text)
  }
  return {
    write: (line) => {
      if (waiting === '') setImmediate(flush)
      waiting += line
    },
    flush,
  }
}
