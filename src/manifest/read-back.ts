/**
 * Reads an edit back: the two texts, as trees, may differ in exactly the scalars that were meant.
 *
 * @module
 */
import { type Document, isAlias, isCollection, isMap, isNode, isPair, isScalar } from 'yaml'
import type { Problem } from '../error.ts'
import { parseDocuments } from './document.ts'
import { type Source, placeOf } from './source.ts'

export type Meant = { readonly start: number; readonly end: number; readonly text: string; readonly value: string }

export type Parsed = { readonly source: Source; readonly documents: readonly Document.Parsed[] }

/** Gives a problem unless `after` is `before` with just the meant scalars changed. `meant` is sorted by place. */
export function onlyThese(
  { source: before, documents }: Parsed,
  after: Source,
  meant: readonly Meant[],
): Problem | undefined {
  const [first] = meant
  const at = placeOf(before, first?.start ?? 0)
  const problem: Problem = {
    code: 'EDIT_UNSAFE',
    message: `the edit of ${before.path} would change more than the image`,
    hint: 'Write the image on lines of its own, with plain values. Nothing was written.',
    at,
  }
  const now = parseDocuments(after)
  if (now.kind === 'refused' || documents.length !== now.documents.length) return problem
  const open = new Map(meant.map((one) => [one.start, one.value]))
  const same = documents.every((doc, i) => equal(doc.contents, now.documents[i]?.contents, open))
  return same && open.size === 0 ? undefined : problem
}

/** Compares two trees; a meant scalar must now be the meant text, and is taken off the list. */
function equal(a: unknown, b: unknown, open: Map<number, string>): boolean {
  if (isPair(a) && isPair(b)) return equal(a.key, b.key, open) && equal(a.value, b.value, open)
  if (!isNode(a) || !isNode(b)) return a === b || (a === null && b === null)
  if (isAlias(a) || isAlias(b)) return isAlias(a) && isAlias(b) && a.source === b.source
  if (a.tag !== b.tag && !open.has(a.range?.[0] ?? -1)) return false
  if ('anchor' in a && 'anchor' in b && a.anchor !== b.anchor) return false
  if (isScalar(a) && isScalar(b)) {
    const value = open.get(a.range?.[0] ?? -1)
    if (value === undefined) return sameValue(a.value, b.value) && a.type === b.type && a.source === b.source
    open.delete(a.range?.[0] ?? -1)
    return b.value === value
  }
  if (!isCollection(a) || !isCollection(b) || isMap(a) !== isMap(b) || a.items.length !== b.items.length) return false
  return a.items.every((item, i) => equal(item, b.items[i], open))
}

/** The library makes a new symbol for each merge key that it reads. */
function sameValue(a: unknown, b: unknown): boolean {
  return Object.is(a, b) || (typeof a === 'symbol' && typeof b === 'symbol')
}
