/**
 * A file of the repo as text that can be edited byte by byte: strict UTF-8, size-capped, with places for carets.
 *
 * @module
 */
import type { Place, Problem } from '../error.ts'
import { mayShow } from './secret-values.ts'

/** A file over this many bytes is refused. */
const sizeLimit = 4 * 1024 * 1024

/** A file's text. A byte order mark stays in it, so that encoding `text` gives the file's bytes again. */
export type Source = { readonly path: string; readonly text: string }

export type ReadSource =
  | { readonly kind: 'ok'; readonly source: Source }
  | { readonly kind: 'refused'; readonly problem: Problem }

/** Reads bytes as UTF-8, or says why they are not. */
export function readSource(path: string, bytes: Uint8Array): ReadSource {
  if (bytes.length > sizeLimit) {
    const at: Place = { file: path, line: 1, column: 1 }
    const message = `${path} has ${bytes.length} bytes; mgo reads files up to 4 MiB`
    return { kind: 'refused', problem: { code: 'FILE_TOO_LARGE', message, hint: 'Split the file.', at } }
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    return { kind: 'ok', source: { path, text } }
  } catch {
    const message = `${path} is not UTF-8 text`
    return {
      kind: 'refused',
      problem: { code: 'REPO_INVALID', message, hint: 'Save the file as UTF-8.', at: badByte(path, bytes) },
    }
  }
}

/** Where the first byte stands that is no UTF-8; the bytes of a line break are never part of another letter. */
function badByte(path: string, bytes: Uint8Array): Place {
  const strict = new TextDecoder('utf-8', { fatal: true })
  for (let line = 1, start = 0; ; line++) {
    const newline = bytes.indexOf(10, start)
    const end = newline < 0 ? bytes.length : newline
    const part = bytes.subarray(start, end)
    try {
      strict.decode(part)
    } catch {
      const source = new TextDecoder().decode(part).replace(/\r$/, '')
      return { file: path, line, column: Math.max(1, source.indexOf('\uFFFD') + 1), source }
    }
    if (newline < 0) return { file: path, line, column: 1 }
    start = newline + 1
  }
}

/** Where the lines of a text begin; made once for a text, because a file with many problems asks many times. */
const lineStarts = new WeakMap<Source, readonly number[]>()

function startsOf(source: Source): readonly number[] {
  const known = lineStarts.get(source)
  if (known !== undefined) return known
  const starts = [0]
  for (let i = source.text.indexOf('\n'); i >= 0; i = source.text.indexOf('\n', i + 1)) starts.push(i + 1)
  lineStarts.set(source, starts)
  return starts
}

/** Where an offset of the text stands, with its line for the caret unless that line may hold a secret. */
export function placeOf(whole: Source, offset: number): Place {
  const { path, text } = whole
  const starts = startsOf(whole)
  let [low, high] = [0, starts.length]
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if ((starts[middle] ?? 0) <= offset) low = middle
    else high = middle
  }
  const start = starts[low] ?? 0
  const end = low + 1 < starts.length ? (starts[low + 1] ?? text.length) - 1 : text.length
  const source = text
    .slice(start, end)
    .replace(/^\uFEFF/, '')
    .replace(/\r$/, '')
  const skipped = start === 0 && text.startsWith('\uFEFF') ? 1 : 0
  const place = { file: path, line: low + 1, column: Math.max(1, offset - start - skipped + 1) }
  return mayShow({ path, text }, offset) ? { ...place, source } : place
}
