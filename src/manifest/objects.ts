/**
 * Raw YAML → Kubernetes objects, read as Kubernetes reads it (`defaultMode: 0644` is 420), every problem at once.
 *
 * @module
 */
import { type Document, type Node, isMap, isNode, isScalar, isSeq, visit } from 'yaml'
import type { Problem } from '../error.ts'
import { type K8sObject, objectId, objectKey, showObject } from '../release/object.ts'
import { pairOf, parseDocuments, startOf } from './document.ts'
import { wrong } from './fields.ts'
import { type Source, placeOf } from './source.ts'

export type ParsedObjects =
  | { readonly kind: 'ok'; readonly objects: readonly K8sObject[] }
  | { readonly kind: 'refused'; readonly problems: readonly Problem[] }

/** Reads many documents; a `kind: List` is taken apart. `text` may be a repo's file or what helm printed. */
export function parseObjects(text: string, path: string): ParsedObjects {
  const source: Source = { path, text }
  const parsed = parseDocuments(source)
  if (parsed.kind === 'refused') return parsed
  const problems: Problem[] = []
  const objects = parsed.documents.flatMap((doc) => objectsOf(doc, source, problems))
  const seen = new Set<string>()
  for (const { object, at } of objects) {
    const key = objectKey(objectId(object))
    if (seen.has(key))
      problems.push(
        wrong(placeOf(source, at), `${showObject(objectId(object))} is there twice`, 'Keep one of the two.'),
      )
    seen.add(key)
  }
  return problems.length > 0 ? { kind: 'refused', problems } : { kind: 'ok', objects: objects.map((one) => one.object) }
}

type Found = { readonly object: K8sObject; readonly at: number }

function objectsOf(doc: Document.Parsed, source: Source, problems: Problem[]): readonly Found[] {
  const { contents } = doc
  if (contents === null || (isScalar(contents) && contents.value === null)) return []
  hugeNumbers(doc, source, problems)
  return nodeObjects(contents, doc, { source, problems })
}

type Sink = { readonly source: Source; readonly problems: Problem[] }

function nodeObjects(node: Node, doc: Document.Parsed, sink: Sink): readonly Found[] {
  const at = startOf(node)
  if (!isMap(node)) {
    sink.problems.push(
      wrong(
        placeOf(sink.source, at),
        'this document is no Kubernetes object',
        'An object has apiVersion, kind and metadata.',
      ),
    )
    return []
  }
  const items = pairOf(node, 'items')?.value
  const value = node.toJS(doc, { maxAliasCount: -1 }) as K8sObject
  if (typeof value.kind === 'string' && value.kind.endsWith('List') && isSeq(items)) {
    return items.items.flatMap((item) => (isNode(item) ? nodeObjects(item, doc, sink) : []))
  }
  const message = shapeProblem(value)
  if (message === undefined) return [{ object: value, at }]
  sink.problems.push(
    wrong(placeOf(sink.source, at), message, 'An object has apiVersion, kind and metadata.name, all of them text.'),
  )
  return []
}

function shapeProblem(value: K8sObject): string | undefined {
  if (typeof value.apiVersion !== 'string' || value.apiVersion === '') return 'the object has no apiVersion'
  if (typeof value.kind !== 'string' || value.kind === '') return 'the object has no kind'
  const metadata: unknown = value.metadata
  if (typeof metadata !== 'object' || metadata === null) return `the ${value.kind} has no metadata`
  const { name, namespace } = metadata as Record<string, unknown>
  if ('generateName' in metadata && name === undefined)
    return `the ${value.kind} has a generateName; each sync would make another one`
  if (typeof name !== 'string' || name === '') return `the ${value.kind} has no metadata.name`
  if (namespace !== undefined && typeof namespace !== 'string')
    return `the namespace of ${value.kind} ${name} is no text`
  return undefined
}

/** JSON numbers in JavaScript are exact up to 2^53 only; a changed number would be a silent wrong deploy. */
function hugeNumbers(doc: Document.Parsed, source: Source, problems: Problem[]): void {
  visit(doc, {
    Scalar(_, node) {
      if (typeof node.value !== 'number' || !Number.isInteger(node.value) || Number.isSafeInteger(node.value)) return
      if (/[.eE]/.test(node.source ?? '')) return
      problems.push(
        wrong(
          placeOf(source, startOf(node)),
          `the number ${node.source ?? ''} is too large to be kept exactly`,
          'Write it in quotes if it is text.',
        ),
      )
    },
  })
}
