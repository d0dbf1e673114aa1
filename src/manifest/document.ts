/**
 * YAML text → nodes with places. The library's own limits are replaced by linear ones: its check for duplicate keys is
 * quadratic and its alias limit refuses honest files (eemeli/yaml#537).
 *
 * @module
 */
import {
  type Alias,
  type Document,
  type Node,
  type ParsedNode,
  type Scalar,
  type YAMLMap,
  Lexer,
  isAlias,
  isCollection,
  isMap,
  isNode,
  isPair,
  isScalar,
  parseAllDocuments,
} from 'yaml'
import { messageOf, type Problem } from '../error.ts'
import { type Source, placeOf } from './source.ts'

const depthLimit = 200
/** Nodes after every alias is written out; what a billion laughs would become. */
const expandedLimit = 1_000_000
/** Problems told of one file at most: who mends these sees the rest. */
export const problemLimit = 20

export type Documents =
  | { readonly kind: 'ok'; readonly documents: readonly Document.Parsed[] }
  | { readonly kind: 'refused'; readonly problems: readonly Problem[] }

/** Letters of the texts whose documents are remembered at most; the documents take some fifty times as much. */
const rememberedLetters = 256 * 1024
const remembered = new Map<string, Documents>()
let letters = 0

/**
 * YAML as Kubernetes and helm read it: version 1.1, without dates and sexagesimal numbers, with `0o17`. The documents are
 * shared, and only read.
 */
export function parseDocuments(source: Source): Documents {
  const known = remembered.get(source.text)
  if (known !== undefined) return known
  const documents = parseAnew(source)
  if (documents.kind === 'ok') remember(source.text, documents)
  return documents
}

/** What an edit was read back as is what the next edit of the same file begins with: in a batch each file is parsed once less. */
function remember(text: string, documents: Documents): void {
  if (text.length > rememberedLetters / 8) return
  remembered.set(text, documents)
  letters += text.length
  for (const oldest of remembered.keys()) {
    if (letters <= rememberedLetters) return
    remembered.delete(oldest)
    letters -= oldest.length
  }
}

function parseAnew(source: Source): Documents {
  let parsed: readonly Document.Parsed[]
  try {
    const all = parseAllDocuments(source.text, {
      version: '1.1',
      customTags: (tags) => [...tags.filter((tag) => typeof tag === 'string' || !isForeign(tag)), octal, float],
      keepSourceTokens: true,
      uniqueKeys: false,
      intAsBigInt: false,
      logLevel: 'silent',
    })
    parsed = Array.isArray(all) ? all : []
  } catch (error) {
    return { kind: 'refused', problems: [broken(source, 0, messageOf(error))] }
  }
  const problems = parsed
    .flatMap((doc) => doc.errors)
    .slice(0, problemLimit)
    .map((error) => broken(source, error.pos[0], firstLine(error.message)))
  if (problems.length > 0) return { kind: 'refused', problems }
  const found: Problem[] = []
  for (const doc of parsed) if (found.length < problemLimit) checkShape(doc, source, found)
  return found.length > 0 ? { kind: 'refused', problems: found } : { kind: 'ok', documents: parsed }
}

/**
 * What the lexer finds in a values file at most: some 14,000 short lines, beyond what people write. Parsing that many takes a
 * third of a second; 4 MiB of them would take twenty, and whoever else waits for this process would wait, too. A long
 * text or comment counts once.
 */
const tokenLimit = 100_000

/** The problem of a file that is too dense to be parsed, told without parsing it. */
export function tooDense(source: Source): Problem | undefined {
  // Each scalar has a mark beside its own text; no token is shorter than that.
  if (source.text.length * 2 < tokenLimit) return undefined
  let tokens = 0
  for (const _ of new Lexer().lex(source.text)) if (++tokens > tokenLimit) return dense(source)
  return undefined
}

function dense(source: Source): Problem {
  return {
    code: 'FILE_TOO_LARGE',
    message: `${source.path} has too many values: mgo reads a values file of up to ${tokenLimit} YAML tokens, some 14,000 lines`,
    hint: 'Split the release, or keep what is data as a text (|), which counts once.',
    at: placeOf(source, 0),
  }
}

const octal = {
  tag: 'tag:yaml.org,2002:int',
  default: true,
  format: 'OCT12',
  test: /^[-+]?0o[0-7_]+$/,
  resolve: (text: string) => Number.parseInt(text.replace('0o', '').replaceAll('_', ''), 8),
} as const

/** As go-yaml has it. The library takes `e1234567`, which is a fine tag, and a lone dot for numbers. */
const float = {
  tag: 'tag:yaml.org,2002:float',
  default: true,
  test: /^[-+]?(?:\.[0-9][0-9_]*|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9][0-9_]*)?$/,
  resolve: (text: string) => Number.parseFloat(text.replaceAll('_', '')),
} as const

function isForeign(tag: { tag?: string; format?: string; test?: RegExp }): boolean {
  if (tag.tag === 'tag:yaml.org,2002:float') return tag.test?.test('.nan') !== true
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

/** What an alias leads to. The library finds it by a walk through the whole document, for each alias again. */
const targets = new WeakMap<Alias, Node>()

type Anchored = { readonly node: Node; size: number | 'open' }
type Walk = { readonly source: Source; readonly problems: Problem[]; readonly anchors: Map<string, Anchored> }

/** Duplicate keys, nesting, aliases that lead nowhere or to themselves, and the size when all are written out; one linear pass. */
function checkShape(doc: Document.Parsed, source: Source, problems: Problem[]): void {
  const before = problems.length
  const size = sizeOf(doc.contents, 0, { source, problems, anchors: new Map() })
  if (size > expandedLimit && problems.length === before)
    problems.push(broken(source, startOf(doc.contents), 'its aliases would expand to over a million values'))
}

function sizeOf(node: unknown, depth: number, walk: Walk): number {
  const { source, problems, anchors } = walk
  if (problems.length >= problemLimit) return 1
  if (depth > depthLimit) {
    problems.push(broken(source, startOf(node), `nested deeper than ${depthLimit} levels`))
    return 1
  }
  if (isAlias(node)) return aliasSize(node, walk)
  const anchor = isNode(node) && 'anchor' in node && typeof node.anchor === 'string' ? node.anchor : undefined
  const anchored: Anchored | undefined = anchor === undefined ? undefined : { node: node as Node, size: 'open' }
  if (anchor !== undefined && anchored !== undefined) anchors.set(anchor, anchored)
  let size = 1
  const seen = new Set<string>()
  for (const item of isCollection(node) ? node.items : []) {
    if (!isPair(item)) size += sizeOf(item, depth + 1, walk)
    else {
      const key = keyOf(item.key)
      if (key !== undefined && key !== '<<' && seen.has(key) && problems.length < problemLimit)
        problems.push(duplicate(source, item.key, key))
      if (key !== undefined) seen.add(key)
      size += sizeOf(item.key, depth + 1, walk) + sizeOf(item.value, depth + 1, walk)
    }
  }
  if (anchored !== undefined) anchored.size = size
  return size
}

function aliasSize(alias: Alias, { source, problems, anchors }: Walk): number {
  const found = anchors.get(alias.source)
  if (found === undefined) problems.push(broken(source, startOf(alias), `no anchor &${alias.source} stands before it`))
  else if (found.size === 'open')
    problems.push(broken(source, startOf(alias), `the alias *${alias.source} stands inside what it names`))
  else {
    targets.set(alias, found.node)
    return found.size
  }
  return 1
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

/** A node with its alias followed; only in documents that `parseDocuments` gave. */
export function follow(node: Node | null): Node | null {
  return isAlias(node) ? (targets.get(node) ?? null) : node
}

/** A map at the top of a document. */
export function topMap(doc: Document): YAMLMap | undefined {
  return isMap(doc.contents) ? doc.contents : undefined
}
