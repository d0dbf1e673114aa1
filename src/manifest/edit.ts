/**
 * Points the image that a source builds at what a deploy asks for. Only the value's own bytes change: comments, key
 * order, quotes, anchors, tags, line ends, byte order mark and other documents stay. After the edit the file is read
 * back and must differ in exactly the scalars that were meant; otherwise nothing is given out.
 *
 * @module
 */
import { type Node, type YAMLMap, Scalar, isAlias, isMap, isScalar } from 'yaml'
import type { Problem } from '../error.ts'
import { type Image, printImage } from '../release/image.ts'
import type { ImageForm } from '../release/release.ts'
import { pairOf, startOf } from './document.ts'
import { type Header, readHeader } from './header.ts'
import { onlyThese } from './read-back.ts'
import { isPlainText } from './scalar-text.ts'
import { formOf } from './slots.ts'
import { type Source, placeOf } from './source.ts'

/** One scalar that changes: its text before and after, quotes included. */
export type Change = {
  readonly start: number
  readonly end: number
  readonly text: string
  readonly value: string
  readonly key: string
}

export type Edit =
  | { readonly kind: 'changed'; readonly bytes: Uint8Array; readonly changes: readonly Change[] }
  | { readonly kind: 'unchanged' }
  /** The file's header does not name the source, or there is no header. */
  | { readonly kind: 'absent' }
  | { readonly kind: 'refused'; readonly problems: readonly Problem[] }

export type EditInput = {
  readonly path: string
  readonly bytes: Uint8Array
  readonly source: string
  readonly image: Image
}

/**
 * Sets an image in one values file.
 *
 * @returns the new bytes, or why there are none; never throws
 * @example
 * ```ts
 * const edit = setImage({ path, bytes, source: 'github.com/acme/shop', image })
 * if (edit.kind === 'changed') files.set(path, edit.bytes)
 * ```
 */
export function setImage({ path, bytes, source, image }: EditInput): Edit {
  const header = readHeader(path, bytes)
  if (header.kind === 'refused') return header
  if (header.kind === 'none') return { kind: 'absent' }
  return setImageIn(header, source, image)
}

/** The same for a file whose header was found already. */
export function setImageIn(header: Header, source: string, image: Image): Edit {
  const entry = entryOf(header, source)
  if (entry === undefined) return { kind: 'absent' }
  const meant = valuesFor(entry, image, header)
  if (meant.kind === 'refused') return meant
  const changes = meant.values.flatMap((one) => changeOf(one, header.source))
  const problems = changes.filter((one): one is Problem => 'code' in one)
  if (problems.length > 0) return { kind: 'refused', problems }
  return splice(
    header,
    changes.filter((one): one is Change => !('code' in one)),
  )
}

type Entry = { readonly key: Node; readonly value: Node | null }

function entryOf({ map }: Header, source: string): Entry | undefined {
  const images = pairOf(map, 'images')?.value
  return isMap(images) ? pairOf(images as YAMLMap, source) : undefined
}

type Meant = { readonly key: string; readonly value: string; readonly node: Node | null; readonly keyNode: Node }

type Values =
  | { readonly kind: 'ok'; readonly values: readonly Meant[] }
  | { readonly kind: 'refused'; readonly problems: readonly Problem[] }

function valuesFor(entry: Entry, image: Image, header: Header): Values {
  const refuse = (node: Node, message: string, hint: string): Values => ({
    kind: 'refused',
    problems: [unsafe(header.source, node, [message, hint])],
  })
  if (isAlias(entry.value))
    return refuse(
      entry.value,
      'the image is an alias',
      'Write the image itself here; the anchor belongs to something else.',
    )
  const form = formOf(entry.value)
  if (typeof form !== 'string' || !isMap(entry.value)) {
    return refuse(
      entry.key,
      `the image ${typeof form === 'string' ? 'is no map' : form.message}`,
      typeof form === 'string' ? '' : form.hint,
    )
  }
  const tag = tagOf(image)
  if (form !== 'one-string' && tag === undefined)
    return refuse(
      entry.key,
      'this file keeps repository and tag apart, and the request has only a digest',
      'Ask for REPOSITORY:TAG@DIGEST.',
    )
  const wanted = texts(form, image, tag ?? '')
  const values: Meant[] = []
  for (const [key, value] of wanted) {
    const pair = pairOf(entry.value as YAMLMap, key)
    if (pair === undefined)
      return refuse(
        entry.key,
        `the value of "${key}" comes from a merge (<<)`,
        `Write ${key} itself in this image; a merged value belongs to something else.`,
      )
    values.push({ key, value, node: pair.value, keyNode: pair.key })
  }
  return { kind: 'ok', values }
}

function tagOf({ tag, digest }: Image): string | undefined {
  return tag === undefined || digest === undefined ? tag : `${tag}@${digest}`
}

/** Which keys of the entry get which text. */
function texts(form: ImageForm, image: Image, tag: string): readonly (readonly [string, string])[] {
  if (form === 'one-string') return [['image', printImage(image)]]
  return [
    [form === 'quirky' ? 'image' : 'repository', image.repository],
    ['tag', tag],
  ]
}

function changeOf(meant: Meant, source: Source): readonly (Change | Problem)[] {
  const { key, value, node, keyNode } = meant
  if (isScalar(node) && node.value === value) return []
  const why = whyNot(meant)
  if (why !== undefined) return [unsafe(source, node ?? keyNode, why)]
  if (!isScalar(node) || !node.range) return []
  const [start, end] = node.range
  return [{ key, value, start, end, text: written(node, value, source.text) }]
}

type Words = readonly [message: string, hint: string]

/** Why a value cannot be set safely, and what would help. */
function whyNot({ key, value, node }: Meant): Words | undefined {
  const write = `Write the value of ${key} itself, such as ${key}: ${JSON.stringify(value)}.`
  if (isAlias(node)) return [`the value of "${key}" is an alias`, write]
  if (isMap(node)) return [`the value of "${key}" is a map or a template`, write]
  if (!isScalar(node) || !node.range) return [`"${key}" has no plain value`, write]
  const type = /^tag:yaml\.org,2002:(.+)$/.exec(node.tag ?? '')?.[1]
  if (type !== undefined && type !== 'str')
    return [`the value of "${key}" has the type !!${type}`, 'An image is text; take the type out.']
  if (node.type === Scalar.BLOCK_FOLDED || node.type === Scalar.BLOCK_LITERAL)
    return [`the value of "${key}" is a block text (| or >)`, `Write it on one line: ${key}: ${JSON.stringify(value)}.`]
  if (typeof node.value === 'string' && node.value.includes('{{'))
    return [`the value of "${key}" is a template`, 'A values file is not a template; write the value itself.']
  return undefined
}

/** The scalar's new text: old quotes stay, a plain one is quoted where YAML would read it as something else. */
function written(node: Scalar, value: string, text: string): string {
  const [start = 0, end = 0] = node.range ?? []
  if (node.type === Scalar.QUOTE_SINGLE) return `'${value}'`
  if (node.type === Scalar.QUOTE_DOUBLE) return `"${value}"`
  const plain = isPlainText(value) ? value : `"${value}"`
  if (end > start) return plain
  // An empty value: the range is a point, and what stands beside it must not run into the new text.
  const before = /[\s]$/.test(text.slice(0, start)) ? '' : ' '
  const after = start === text.length || /^[\s,}\]]/.test(text.slice(start)) ? '' : ' '
  return `${before}${plain}${after}`
}

function splice({ source, documents }: Header, changes: readonly Change[]): Edit {
  if (changes.length === 0) return { kind: 'unchanged' }
  const ordered = [...changes].sort((a, b) => a.start - b.start)
  let text = ''
  let last = 0
  for (const change of ordered) {
    text += source.text.slice(last, change.start) + change.text
    last = change.end
  }
  text += source.text.slice(last)
  const problem = onlyThese({ source, documents }, { path: source.path, text }, ordered)
  if (problem !== undefined) return { kind: 'refused', problems: [problem] }
  return { kind: 'changed', bytes: new TextEncoder().encode(text), changes: ordered }
}

function unsafe(source: Source, node: Node, [message, hint]: Words): Problem {
  return {
    code: 'EDIT_UNSAFE',
    message,
    hint: `${hint} Nothing was written.`.trim(),
    at: placeOf(source, startOf(node)),
  }
}
