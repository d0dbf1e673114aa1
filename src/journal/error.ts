/**
 * What SQLite says → an error with the next step. By result code, never by text.
 *
 * @module
 */
import { MgoError } from '../error.ts'

/** Primary result codes (sqlite.org/rescode.html); an extended code holds its primary one in the low byte. */
const hints: Readonly<Record<number, string>> = {
  5: 'Another mgo serves with this journal: stop that one, or name another file with --journal.',
  8: 'The file or its file system is read-only: make it writable, or name another file with --journal.',
  10: 'Is the disk full, or failing? Make room, or name another file with --journal.',
  11: 'The file is damaged: move it away and start again. Git still says what should run; only history is lost.',
  13: 'The disk is full: make room, or name another file with --journal.',
  14: 'The folder is missing or may not be written: make it writable, or name another file with --journal.',
  26: 'This is no journal of mgo: name another file with --journal.',
}

const otherwise = 'Is the path right, and may mgo write there? Name another file with --journal.'

/** JOURNAL_FAILED, whatever went wrong with `file`. */
export function journalError(file: string, cause: unknown): MgoError {
  if (cause instanceof MgoError) return cause
  const code = (cause as { readonly errcode?: number } | null)?.errcode
  return new MgoError(
    {
      code: 'JOURNAL_FAILED',
      message: `the journal ${file} cannot be used: ${cause instanceof Error ? cause.message : String(cause)}`,
      hint: (code === undefined ? undefined : hints[code & 0xff]) ?? otherwise,
    },
    { cause },
  )
}
