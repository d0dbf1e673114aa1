/**
 * Who asked, as git can store it. Nothing from outside may add a line, a second author or a ref to what mgo writes.
 *
 * @module
 */
import type { Problem } from '../error.ts'
import type { Person } from '../release/request.ts'

export type ParsedAuthor =
  | { readonly kind: 'ok'; readonly author: Person }
  | { readonly kind: 'refused'; readonly problem: Problem }

// Control characters, line and paragraph separators, and the marks that turn the direction of text around.
const forbidden = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069<>]/

/**
 * Reads `Ada Lovelace <ada@example.com>`. A bare name, which the old tool took, gets the address `<>` of git: none.
 */
export function parseAuthor(text: string): ParsedAuthor {
  if (new TextEncoder().encode(text).length > 256) return refused('the author is longer than 256 bytes')
  const found = /^([^<>]*?) *<([^<>]*)>$/.exec(text)
  const written = found?.[1] ?? text
  const name = written.trim()
  const email = found?.[2] ?? ''
  if (name === '' && email === '') return refused('the author is empty')
  // Before anything is trimmed: a line break at the end is one, too.
  if (forbidden.test(written) || forbidden.test(email))
    return refused('the author holds a line break, a control character or a stray < or >')
  if (/\s/.test(email)) return refused('the address of the author holds a space')
  return { kind: 'ok', author: { name: name === '' ? email : name, email } }
}

/** `Ada Lovelace <ada@example.com>`. */
export function showAuthor({ name, email }: Person): string {
  return email === '' ? name : `${name} <${email}>`
}

function refused(message: string): ParsedAuthor {
  return {
    kind: 'refused',
    problem: { code: 'AUTHOR_INVALID', message, hint: 'Write the author as "Ada Lovelace <ada@example.com>".' },
  }
}
