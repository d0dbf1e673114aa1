/**
 * What zod finds wrong with a file → problems with file, line, column, a caret and the nearest right word.
 *
 * @module
 */
import { type Document, type Node, isMap, isNode, isPair, isSeq } from 'yaml'
import { z } from 'zod'
import type { Problem } from '../error.ts'
import { keyOf, pairOf, startOf } from '../manifest/document.ts'
import { didYouMean } from '../manifest/nearest.ts'
import { type Source, placeOf } from '../manifest/source.ts'

type Path = readonly PropertyKey[]

export type Judged = { readonly source: Source; readonly doc: Document; readonly shape: z.ZodType }

/** A problem at a path of the file; at the key itself where `at` says so. */
export function problemAt(
  { source, doc }: Pick<Judged, 'source' | 'doc'>,
  path: Path,
  [message, hint]: readonly [string, string],
): Problem {
  return { code: 'CONFIG_INVALID', message, hint, at: placeOf(source, startOf(nodeAt(doc, path))) }
}

/** All that zod has to say. */
export function shapeProblems(issues: readonly z.core.$ZodIssue[], judged: Judged): readonly Problem[] {
  const problems = issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys' ? strangers(issue, judged) : [problemOf(issue, judged)],
  )
  return problems.toSorted((a, b) => (a.at?.line ?? 0) - (b.at?.line ?? 0) || (a.at?.column ?? 0) - (b.at?.column ?? 0))
}

function problemOf(issue: z.core.$ZodIssue, judged: Judged): Problem {
  const name = nameOf(issue.path)
  const key = String(issue.path.at(-1) ?? '')
  if ((issue.code === 'invalid_type' || issue.code === 'invalid_union') && !isThere(judged.doc, issue.path))
    return problemAt(judged, issue.path, [`${name} is missing`, `Write ${key}: ….`])
  if (issue.code === 'invalid_value' && issue.values.length > 1) {
    const value = String(valueAt(judged.doc, issue.path))
    return problemAt(judged, issue.path, [
      `${name}: "${value.slice(0, 80)}" is none of the words for it`,
      didYouMean(value, issue.values.map(String)),
    ])
  }
  return problemAt(judged, issue.path, [
    `${name}: ${words(issue)}`,
    unquoted(issue, judged) ?? 'Mend it at the caret; docs/server.md has every key.',
  ])
}

/** YAML 1.1, which helm and kubectl read, knows many words for true and false: y, on, no. */
function unquoted(issue: z.core.$ZodIssue, { doc }: Judged): string | undefined {
  const value = valueAt(doc, issue.path)
  const isText = issue.code === 'invalid_type' && issue.expected === 'string'
  return isText && (typeof value === 'boolean' || typeof value === 'number')
    ? `YAML reads it as ${value}: put it into quotes.`
    : undefined
}

/** zod's own sentences begin with a capital and a category; ours are what the shape says. */
function words({ message, code }: z.core.$ZodIssue): string {
  if (code !== 'invalid_type' && code !== 'too_small' && code !== 'too_big') return message
  return message
    .replace(/^Invalid input: expected /, 'it must be of the kind ')
    .replace(/^Too (small|big): expected /, 'it is too $1: ')
}

type Strangers = Extract<z.core.$ZodIssue, { code: 'unrecognized_keys' }>

function strangers({ keys, path }: Strangers, { source, doc, shape }: Judged): readonly Problem[] {
  const map = nodeAt(doc, path)
  const known = knownKeys(z.toJSONSchema(shape, { io: 'input' }), path)
  return keys.map((key) => {
    const node = isMap(map) ? pairOf(map, key)?.key : undefined
    return {
      code: 'CONFIG_INVALID',
      message: `unknown key "${key.slice(0, 80)}" in ${path.length === 0 ? source.path : nameOf(path)}`,
      hint: didYouMean(key, known),
      at: placeOf(source, startOf(node ?? map)),
    }
  })
}

/** The keys that the schema has at a path. */
function knownKeys(schema: z.core.JSONSchema.BaseSchema, path: Path): readonly string[] {
  let at: unknown = schema
  for (const step of path) at = below(at, step)
  const properties = (at as z.core.JSONSchema.BaseSchema | undefined)?.properties ?? {}
  return Object.keys(properties)
}

function below(at: unknown, step: PropertyKey): unknown {
  const schema = (at ?? {}) as z.core.JSONSchema.BaseSchema
  if (typeof step === 'number') return schema.items
  return schema.properties?.[String(step)] ?? schema.additionalProperties
}

/** `policy[0].who`, as people point at it. */
function nameOf(path: Path): string {
  return path
    .map((step, i) => (typeof step === 'number' ? `[${step}]` : `${i === 0 ? '' : '.'}${String(step)}`))
    .join('')
}

/** The node of a path, or the deepest one there is on the way. */
function nodeAt(doc: Document, path: Path): Node | null {
  let at: Node | null = doc.contents
  for (const step of path) {
    const next = child(at, step)
    if (next === undefined) return at
    at = next
  }
  return at
}

function isThere(doc: Document, path: Path): boolean {
  let at: Node | null | undefined = doc.contents
  for (const step of path) at = child(at ?? null, step)
  return at !== undefined
}

function child(at: Node | null, step: PropertyKey): Node | undefined {
  if (isSeq(at)) {
    const item = at.items[Number(step)]
    return isNode(item) ? item : undefined
  }
  if (!isMap(at)) return undefined
  for (const pair of at.items)
    if (isPair(pair) && keyOf(pair.key) === String(step)) return isNode(pair.value) ? pair.value : undefined
  return undefined
}

function valueAt(doc: Document, path: Path): unknown {
  return doc.getIn(path as unknown[])
}
