/**
 * A file of the repo as text that can be edited byte by byte: strict UTF-8, size-capped, with places for carets.
 *
 * @module
 */
import type { Place, Problem } from '../error.ts'
import { mayShow } from './secret-values.ts'

/** A file over this many bytes is refused. */
export const sizeLimit = 4 * 1024 * 1024

/** A file's text. A byte order mark stays in it, so that encoding `text` gives the file's bytes again. */
export type Source = { readonly path: string; readonly text: string }

export type ReadSource =
  | { readonly kind: 'ok'; readonly source: Source }
  | { readonly kind: 'refused'; readonly problem: Problem }

/** Reads bytes as UTF-8, or says why they are not. */
export function readSource(path: string, bytes: Uint8Array): ReadSource {
  const at: Place = { file: path, line: 1, column: 1 }
  if (bytes.length > sizeLimit) {
    const message = `${path} has ${bytes.length} bytes; mgo reads files up to 4 MiB`
    return { kind: 'refused', problem: { code: 'FILE_TOO_LARGE', message, hint: 'Split the file.', at } }
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    return { kind: 'ok', source: { path, text } }
  } catch {
    const message = `${path} is not UTF-8 text`
    return { kind: 'refused', problem: { code: 'REPO_INVALID', message, hint: 'Save the file as UTF-8.', at } }
  }
}

/** Where an offset of the text stands, with its line for the caret unless that line may hold a secret. */
export function placeOf({ path, text }: Source, offset: number): Place {
  const before = text.slice(0, offset)
  const start = before.lastIndexOf('\n') + 1
  const newline = text.indexOf('\n', offset)
  const end = newline < 0 ? text.length : newline
  let line = 1
  for (let i = before.indexOf('\n'); i >= 0; i = before.indexOf('\n', i + 1)) line++
  const source = text
    .slice(start, end)
    .replace(/^\uFEFF/, '')
    .replace(/\r$/, '')
  const skipped = start === 0 && text.startsWith('\uFEFF') ? 1 : 0
  const place = { file: path, line, column: Math.max(1, offset - start - skipped + 1) }
  return mayShow({ path, text }, offset) ? { ...place, source } : place
}
