/**
 * The keys of one map of somebody's file: unknown ones are a problem that names the nearest right word.
 *
 * @module
 */
import { type Node, type YAMLMap, isAlias, isNode, isPair, isScalar } from 'yaml'
import type { Place, Problem } from '../error.ts'
import { keyOf, problemLimit, startOf } from './document.ts'
import { didYouMean } from './nearest.ts'
import { type Source, placeOf } from './source.ts'

export type Fields = {
  readonly source: Source
  /** Where what is wrong is gathered. */
  readonly problems: Problem[]
  get(key: string): Node | undefined
  keys(): readonly string[]
  readonly at: number
}

export type FieldRules = {
  readonly source: Source
  readonly problems: Problem[]
  readonly known: readonly string[] | 'any'
  readonly what: string
}

/** A problem of the repo with its place. */
export function wrong(at: Place, message: string, hint: string): Problem {
  return { code: 'REPO_INVALID', message, hint, at }
}

/** Reads a map's own keys; each unknown one is told at once. */
export function fieldsOf(map: YAMLMap, { source, problems, known, what }: FieldRules): Fields {
  const found = new Map<string, Node>()
  for (const pair of map.items) {
    if (problems.length >= problemLimit) break
    const key = isPair(pair) ? keyOf(pair.key) : undefined
    if (key === undefined) {
      problems.push(
        wrong(placeOf(source, startOf(map)), `${what} has a key that is no text`, 'Write keys as plain words.'),
      )
      continue
    }
    if (known !== 'any' && !known.includes(key)) {
      problems.push(
        wrong(placeOf(source, startOf(pair.key)), `unknown key "${key}" in ${what}`, didYouMean(key, known)),
      )
    }
    if (isNode(pair.value)) found.set(key, pair.value)
  }
  return { source, problems, get: (key) => found.get(key), keys: () => [...found.keys()], at: startOf(map) }
}

/** The text of a key. A number or a boolean is a problem: it must be quoted to be the text that it looks like. */
export function textOf(fields: Fields, key: string, need?: 'needed'): string | undefined {
  const node = fields.get(key)
  const empty = node === undefined || (isScalar(node) && node.value === null)
  if (empty) {
    if (need)
      fields.problems.push(
        wrong(placeOf(fields.source, node ? startOf(node) : fields.at), `"${key}" is missing`, `Write ${key}: ….`),
      )
    return undefined
  }
  if (isScalar(node) && typeof node.value === 'string') return node.value
  if (isScalar(node) && node.source !== undefined) return node.source
  const message = isAlias(node) ? `"${key}" is an alias; mgo reads plain values here` : `"${key}" must be text`
  fields.problems.push(wrong(placeOf(fields.source, startOf(node)), message, `Write the value of ${key} itself.`))
  return undefined
}
