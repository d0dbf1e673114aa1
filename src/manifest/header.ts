/**
 * A values file's header (`__mygitops`) → Release, every problem at once, with place and caret.
 *
 * @module
 */
import { type Document, type YAMLMap, isMap, isScalar, isSeq } from 'yaml'
import type { Problem } from '../error.ts'
import type { Cluster } from '../release/ids.ts'
import type { ChartRef, Release } from '../release/release.ts'
import { pairOf, parseDocuments, startOf, tooDense, topMap } from './document.ts'
import { type Fields, fieldsOf, textOf, wrong } from './fields.ts'
import { isLinkAddress } from './inner-address.ts'
import { isInside } from './settings.ts'
import { imagesOf } from './slots.ts'
import { type Source, placeOf, readSource } from './source.ts'

const headerKey = '__mygitops'
const known = ['chart', 'version', 'name', 'namespace', 'images', 'timeout', 'needs', 'engine'] as const
const defaultTimeoutMs = 300_000

export type ParsedHeader =
  | { readonly kind: 'release'; readonly release: Release }
  /** No header: plain data, left alone. */
  | { readonly kind: 'none' }
  | { readonly kind: 'refused'; readonly problems: readonly Problem[] }

export type HeaderInput = {
  readonly path: string
  readonly bytes: Uint8Array
  readonly cluster: Cluster
  /** The file's name without `-values.yaml`. */
  readonly name: string
  readonly allowRanges?: boolean
}

/** Reads a values file. */
export function parseHeader(input: HeaderInput): ParsedHeader {
  const found = readHeader(input.path, input.bytes)
  return found.kind === 'header' ? releaseIn(found, input) : found
}

/** The release of a header that was found already. */
export function releaseIn(found: Header, input: Omit<HeaderInput, 'bytes'>): ParsedHeader {
  const problems: Problem[] = []
  const fields = fieldsOf(found.map, { source: found.source, problems, known, what: 'the header' })
  const release = releaseOf(fields, found, input)
  return problems.length > 0 || release === undefined ? { kind: 'refused', problems } : { kind: 'release', release }
}

export type Header = {
  readonly kind: 'header'
  readonly map: YAMLMap
  readonly source: Source
  readonly documents: readonly Document.Parsed[]
}

type Found = Header | { readonly kind: 'none' } | { readonly kind: 'refused'; readonly problems: readonly Problem[] }

/** Reads a file and finds the header's map at its top level; more than one is refused. */
export function readHeader(path: string, bytes: Uint8Array): Found {
  const read = readSource(path, bytes)
  return read.kind === 'ok' ? findHeader(read.source) : { kind: 'refused', problems: [read.problem] }
}

function findHeader(source: Source): Found {
  const problem = tooDense(source)
  if (problem !== undefined) return { kind: 'refused', problems: [problem] }
  const parsed = parseDocuments(source)
  if (parsed.kind === 'refused') return parsed
  const found = parsed.documents.flatMap((doc) => {
    const map = topMap(doc)
    const pair = map === undefined ? undefined : pairOf(map, headerKey)
    return pair === undefined ? [] : [{ pair }]
  })
  const [first, second] = found
  if (first === undefined) return { kind: 'none' }
  if (second !== undefined) {
    return {
      kind: 'refused',
      problems: [
        wrong(
          placeOf(source, startOf(second.pair.key)),
          'the file has two headers',
          'A values file is one release; keep one header.',
        ),
      ],
    }
  }
  const map = first.pair.value
  if (!isMap(map)) {
    return {
      kind: 'refused',
      problems: [
        wrong(
          placeOf(source, startOf(first.pair.key)),
          `${headerKey} must be a map`,
          `Its keys are ${known.join(', ')}.`,
        ),
      ],
    }
  }
  return { kind: 'header', map: map as YAMLMap, source, documents: parsed.documents }
}

function releaseOf(fields: Fields, { source }: Header, input: Omit<HeaderInput, 'bytes'>): Release | undefined {
  const chart = chartOf(fields)
  const version = versionOf(fields, chart, input.allowRanges === true)
  const name = matching(fields, 'name', releaseNames) ?? input.name
  if (fields.get('name') === undefined && !releaseNames.grammar.test(name)) {
    fields.problems.push(wrong(placeOf(source, fields.at), `"${name}" is ${releaseNames.what}`, releaseNames.hint))
  }
  const namespace = matching(fields, 'namespace', namespaces) ?? 'default'
  const engine = matching(fields, 'engine', engines)
  const images = imagesOf(fields)
  const timeoutMs = timeoutOf(fields)
  const needs = needsOf(fields)
  if (chart === undefined) return undefined
  const { cluster, path } = input
  return {
    cluster,
    path,
    name,
    namespace,
    chart,
    version,
    images,
    timeoutMs,
    needs,
    engine: engine === 'helm' || engine === 'render' ? engine : undefined,
  }
}

type Rule = { readonly grammar: RegExp; readonly what: string; readonly hint: string }

// helm's own limit of 53, so that suffixes still fit into a name of 63 (helm.sh/helm pkg/chartutil, ValidateReleaseName).
const releaseNames: Rule = {
  grammar: /^[a-z0-9](?:[a-z0-9.-]{0,51}[a-z0-9])?$/,
  what: 'no name for a helm release',
  hint: 'Use up to 53 small letters, digits, dots and dashes.',
}
const namespaces: Rule = {
  grammar: /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/,
  what: 'no namespace',
  hint: 'Use up to 63 small letters, digits and dashes.',
}
const engines: Rule = { grammar: /^(?:helm|render)$/, what: 'no engine', hint: 'Engines are helm and render.' }

/** The text of a key, told as a problem where it does not fit. */
function matching(fields: Fields, key: string, { grammar, what, hint }: Rule): string | undefined {
  const text = textOf(fields, key)
  if (text !== undefined && !grammar.test(text)) {
    fields.problems.push(wrong(placeOf(fields.source, startOf(fields.get(key))), `"${text}" is ${what}`, hint))
  }
  return text
}

function chartOf(fields: Fields): ChartRef | undefined {
  const text = textOf(fields, 'chart', 'needed')
  if (text === undefined) return undefined
  const at = placeOf(fields.source, startOf(fields.get('chart')))
  if (/^oci:\/\/[^\s]+$/.test(text) && !isLinkAddress(text)) return { kind: 'oci', url: text }
  if (text.startsWith('./')) {
    if (isInside(text)) return { kind: 'path', path: text.slice(2).replace(/\/$/, '') }
    fields.problems.push(
      wrong(at, `the chart path ${text} leaves the repo`, 'Give a path inside this repo, such as ./charts/shop.'),
    )
    return undefined
  }
  const [repository, chart, ...rest] = text.split('/')
  if (repository && chart && rest.length === 0 && /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(chart))
    return { kind: 'repository', repository, chart }
  fields.problems.push(
    wrong(at, `"${text}" is no chart`, 'Write <repository>/<chart>, oci://…/<chart>, or ./path inside the repo.'),
  )
  return undefined
}

const exactVersion = /^v?\d+(?:\.\d+){0,2}(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/

function versionOf(fields: Fields, chart: ChartRef | undefined, allowRanges: boolean): string | undefined {
  const version = textOf(fields, 'version')
  if (version === undefined) {
    if (chart !== undefined && chart.kind !== 'path' && !allowRanges) {
      fields.problems.push(
        wrong(
          placeOf(fields.source, fields.at),
          '"version" is missing',
          'Name the exact version of the chart, so that a sync tomorrow is the same as today.',
        ),
      )
    }
    return undefined
  }
  if (exactVersion.test(version) || allowRanges) return version
  fields.problems.push(
    wrong(
      placeOf(fields.source, startOf(fields.get('version'))),
      `"${version}" is not one exact version`,
      'Name one version, such as 1.4.2; ranges need --allow-ranges.',
    ),
  )
  return version
}

/** `5m`, `90s`, `1h30m` → milliseconds, or `undefined`. */
export function parseDuration(text: string): number | undefined {
  const found = /^(?:(\d{1,4})h)?(?:(\d{1,6})m)?(?:(\d{1,7})s)?$/.exec(text)
  if (found === null || text === '') return undefined
  const [, hours = '0', minutes = '0', seconds = '0'] = found
  return (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000
}

function timeoutOf(fields: Fields): number {
  const text = textOf(fields, 'timeout')
  if (text === undefined) return defaultTimeoutMs
  const ms = parseDuration(text)
  if (ms !== undefined && ms > 0) return ms
  fields.problems.push(
    wrong(
      placeOf(fields.source, startOf(fields.get('timeout'))),
      `"${text}" is no duration`,
      'Write 90s, 5m or 1h30m.',
    ),
  )
  return defaultTimeoutMs
}

function needsOf(fields: Fields): readonly string[] {
  const node = fields.get('needs')
  if (node === undefined) return []
  if (isSeq(node) && node.items.every((item) => isScalar(item) && typeof item.value === 'string')) {
    return node.items.map((item) => String((item as { value: unknown }).value))
  }
  fields.problems.push(
    wrong(placeOf(fields.source, startOf(node)), 'needs must be a list of release names', 'Write needs: [postgres].'),
  )
  return []
}
