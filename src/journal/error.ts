/**
 * What SQLite says → an error with the next step. By result code, never by text.
 *
 * @module
 */
import { MgoError, messageOf } from '../error.ts'

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

/** The file of static tokens is named elsewhere, and what is lost with it is another thing. */
const tokenHints: typeof hints = {
  5: 'Somebody else writes to it: try again in a moment.',
  8: 'The file or its file system is read-only: make it writable, or name another one with identities.tokens.',
  10: 'Is the disk full, or failing? Make room, or name another file with identities.tokens.',
  11: 'The file is damaged: bring it back from a backup, or move it away and make new tokens.',
  13: 'The disk is full: make room, or name another file with identities.tokens.',
  14: 'The folder is missing or may not be written: make it writable, or name another file with identities.tokens.',
  26: 'This is no file of tokens: identities.tokens in the settings should name another one.',
}

/** JOURNAL_FAILED, whatever went wrong with `file`. */
export function journalError(file: string, cause: unknown, what: 'journal' | 'tokens' = 'journal'): MgoError {
  if (cause instanceof MgoError) return cause
  const code = (cause as { readonly errcode?: number } | null)?.errcode
  const known = code === undefined ? undefined : (what === 'journal' ? hints : tokenHints)[code & 0xff]
  const named = what === 'journal' ? 'the journal' : 'the file of tokens'
  return new MgoError(
    {
      code: 'JOURNAL_FAILED',
      message: `${named} ${file} cannot be used: ${messageOf(cause)}`,
      hint: known ?? (what === 'journal' ? otherwise : 'Is identities.tokens right, and may mgo write there?'),
    },
    { cause },
  )
}
