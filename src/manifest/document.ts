/**
 * YAML text → nodes with places. The library's own limits are replaced by linear ones: its check for duplicate keys is
 * quadratic and its alias limit refuses honest files (eemeli/yaml#537).
 *
 * @module
 */
import {
  type Document,
  type Node,
  type ParsedNode,
  type Scalar,
  type YAMLMap,
  isAlias,
  isCollection,
  isMap,
  isNode,
  isPair,
  isScalar,
  parseAllDocuments,
} from 'yaml'
import type { Problem } from '../error.ts'
import { type Source, placeOf } from './source.ts'

const depthLimit = 200
/** Nodes after every alias is written out; what a billion laughs would become. */
const expandedLimit = 1_000_000

export type Documents =
  | { readonly kind: 'ok'; readonly documents: readonly Document.Parsed[] }
  | { readonly kind: 'refused'; readonly problems: readonly Problem[] }

/** YAML as Kubernetes and helm read it: version 1.1, without dates and sexagesimal numbers, with `0o17`. */
export function parseDocuments(source: Source): Documents {
  let parsed: readonly Document.Parsed[]
  try {
    const all = parseAllDocuments(source.text, {
      version: '1.1',
      customTags: (tags) => [...tags.filter((tag) => typeof tag === 'string' || !isForeign(tag)), octal],
      keepSourceTokens: true,
      uniqueKeys: false,
      intAsBigInt: false,
      logLevel: 'silent',
    })
    parsed = Array.isArray(all) ? all : []
  } catch (error) {
    return { kind: 'refused', problems: [broken(source, 0, (error as Error).message)] }
  }
  const problems = parsed.flatMap((doc) =>
    doc.errors.map((error) => broken(source, error.pos[0], firstLine(error.message))),
  )
  if (problems.length > 0) return { kind: 'refused', problems: problems.slice(0, 20) }
  const found = parsed.flatMap((doc) => shapeProblems(doc, source))
  return found.length > 0 ? { kind: 'refused', problems: found.slice(0, 20) } : { kind: 'ok', documents: parsed }
}

const octal = {
  tag: 'tag:yaml.org,2002:int',
  default: true,
  format: 'OCT12',
  test: /^[-+]?0o[0-7_]+$/,
  resolve: (text: string) => Number.parseInt(text.replace('0o', '').replaceAll('_', ''), 8),
} as const

function isForeign(tag: { tag?: string; format?: string }): boolean {
  return tag.tag === 'tag:yaml.org,2002:timestamp' || tag.format === 'TIME'
}

function firstLine(text: string): string {
  return (text.split('\n')[0] ?? '').replace(/ at line \d+, column \d+:?$/, '')
}

function broken(source: Source, offset: number, message: string): Problem {
  return {
    code: 'REPO_INVALID',
    message: `${source.path} is not valid YAML: ${message}`,
    hint: 'Mend the YAML at the caret.',
    at: placeOf(source, offset),
  }
}

/** Duplicate keys, nesting, aliases that lead nowhere, and the size when all aliases are written out; one linear pass. */
function shapeProblems(doc: Document.Parsed, source: Source): readonly Problem[] {
  const problems: Problem[] = []
  const anchors = new Map<string, number>()
  const walk = (node: unknown, depth: number): number => {
    if (depth > depthLimit) {
      if (problems.length === 0) problems.push(broken(source, startOf(node), `nested deeper than ${depthLimit} levels`))
      return 1
    }
    let size = 1
    if (isAlias(node)) return anchors.get(node.source) ?? 1
    if (isCollection(node)) {
      const seen = new Set<string>()
      for (const item of node.items) {
        if (!isPair(item)) size += walk(item, depth + 1)
        else {
          const key = keyOf(item.key)
          if (key !== undefined && key !== '<<' && seen.has(key)) problems.push(duplicate(source, item.key, key))
          if (key !== undefined) seen.add(key)
          size += walk(item.key, depth + 1) + walk(item.value, depth + 1)
        }
      }
    }
    if (isNode(node) && 'anchor' in node && typeof node.anchor === 'string') anchors.set(node.anchor, size)
    return size
  }
  if (walk(doc.contents, 0) > expandedLimit)
    problems.push(broken(source, 0, 'its aliases would expand to over a million values'))
  return problems
}

function duplicate(source: Source, key: unknown, name: string): Problem {
  return {
    code: 'REPO_INVALID',
    message: `${source.path} has the key "${name}" twice in one map`,
    hint: 'Take one of the two out; readers disagree about which one counts.',
    at: placeOf(source, startOf(key)),
  }
}

/** The text of a scalar key, or `undefined` for a key that is a collection. */
export function keyOf(key: unknown): string | undefined {
  if (!isScalar(key)) return undefined
  // The library reads the merge key of YAML 1.1 as a symbol.
  return typeof key.value === 'symbol' ? '<<' : String(key.value)
}

/** Where a node begins in the text. */
export function startOf(node: unknown): number {
  return isNode(node) ? (node.range?.[0] ?? 0) : 0
}

/** A key of a map with its node, looked up without following merges. */
export function pairOf(
  map: YAMLMap,
  key: string,
): { readonly key: Scalar; readonly value: ParsedNode | Node | null } | undefined {
  for (const pair of map.items) {
    if (isScalar(pair.key) && keyOf(pair.key) === key) {
      return { key: pair.key, value: isNode(pair.value) ? pair.value : null }
    }
  }
  return undefined
}

/** A node with its alias followed. */
export function follow(node: Node | null, doc: Document): Node | null {
  return isAlias(node) ? (node.resolve(doc) ?? null) : node
}

/** A map at the top of a document. */
export function topMap(doc: Document): YAMLMap | undefined {
  return isMap(doc.contents) ? doc.contents : undefined
}
