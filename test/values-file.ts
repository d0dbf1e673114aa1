/**
 * Values files as people write them, by chance: styles, comments, line ends, anchors, nesting, letters of every plane.
 * The printer shares no code with mgo. Where a meant scalar stands it cuts the text, so that a test knows every byte
 * that must stay.
 *
 * @module
 */
import fc from 'fast-check'

/** What stays, piece by piece; between two pieces stands one scalar that a deploy of `source` means. */
export type ValuesFile = {
  readonly source: string
  readonly form: 'repository-tag' | 'one-string' | 'quirky'
  readonly pieces: readonly string[]
  /** The scalars as they stand now, quotes included, each with the key that it belongs to. */
  readonly meant: readonly { readonly key: 'repository' | 'tag' | 'image'; readonly text: string }[]
}

type Chance = fc.GeneratorValue
type Draw = {
  readonly below: (n: number) => number
  readonly one: <T>(list: readonly T[]) => T
  readonly maybe: (percent: number) => boolean
  readonly text: () => string
  readonly anchors: string[]
  readonly maps: string[]
}

const mark = '\u0001'
const words = ['a', 'port', 'x-y', 'ключ', '名前', 'on', 'null', '1', '0x1f', '~', '🚀', 'image', 'tag', 'repository']
/** Plain scalars; most of them are no text to YAML 1.1. */
const plain = [
  'v1',
  '1',
  '1.10',
  'true',
  'yes',
  '~',
  '2026-11-23',
  'a b c',
  'x# y',
  '-1',
  '.5',
  '0644',
  'http://x/y?z=1',
  '日本',
]

function drawing(chance: Chance): Draw {
  const below = (n: number) => chance(fc.integer, { min: 0, max: n - 1 })
  return {
    below,
    one: (list) => list[below(list.length)] as (typeof list)[number],
    maybe: (percent) => below(100) < percent,
    text: () =>
      chance(fc.string, { unit: 'grapheme', maxLength: 8 }).replace(/[\u0000-\u001f\u007f-\u009f\uFEFF]/g, '_'),
    anchors: [],
    maps: [],
  }
}

/** Any values file with a header that names `source` once. */
export const valuesFile: fc.Arbitrary<ValuesFile> = fc.gen().map((chance) => {
  const draw = drawing(chance)
  const source = draw.one(['github.com/acme/shop', 'gitlab.com/a/b.c', 'x', 'registry.example.com:5000/team/app'])
  const form = draw.one(['repository-tag', 'one-string', 'quirky'] as const)
  const meant: { key: 'repository' | 'tag' | 'image'; text: string }[] = []
  const before = Array.from({ length: draw.below(4) }, (_, i) => entry(draw, `b${i}`, 0))
  const head = header(draw, { source, form, meant })
  const behind = Array.from({ length: draw.below(4) }, (_, i) => entry(draw, `z${i}`, 0))
  const [first, last] = [
    draw.one(['', '', '---\n', '# top\n\n', '%YAML 1.1\n---\n']),
    draw.one(['', '', '...\n', '---\nother: [1,  2] # kept\n']),
  ]
  let text = first + [...before, head, ...behind].join('') + last
  if (draw.maybe(30)) text = text.replace(/\n+$/, '')
  if (draw.maybe(30)) text = text.replaceAll('\n', '\r\n')
  if (draw.maybe(20) && !first.startsWith('%')) text = `\uFEFF${text}`
  return { source, form, meant, pieces: text.split(mark) }
})

function comment(draw: Draw): string {
  return draw.maybe(30) ? `${draw.one([' ', '\t', '   '])}# ${draw.text()} "' {{ x }}: [` : ''
}

function gap(draw: Draw, indent: number): string {
  if (draw.maybe(80)) return ''
  return draw.one(['\n', `${' '.repeat(indent)}# github.com/acme/shop: { tag: v0 }\n`, '\n\n'])
}

/** One `key: value` of the chart's own values, in block style. */
function entry(draw: Draw, key: string, indent: number): string {
  const pad = ' '.repeat(indent)
  const name = draw.one([key, `"${key}"`, `'${key}'`])
  const kind = draw.below(12)
  const more = { indent: indent + 1 + draw.below(4) }
  if (kind < 4 || indent > 12) return `${gap(draw, indent)}${pad}${name}: ${scalar(draw)}${comment(draw)}\n`
  if (kind === 4) return `${pad}${name}: ${flow(draw, 3)}${comment(draw)}\n`
  if (kind === 5)
    return `${pad}${name}: ${draw.one(['|', '>-', '|+'])}\n${' '.repeat(more.indent)}{{ ${draw.one(words)} }}\n\n${' '.repeat(more.indent)}# no comment\n`
  if (kind === 7) return merging(draw, `${pad}${name}`)
  if (kind === 6) {
    const items = Array.from(
      { length: 1 + draw.below(3) },
      () => `${pad}${draw.one(['- ', '-   '])}${scalar(draw)}${comment(draw)}\n`,
    )
    return `${pad}${name}:${comment(draw)}\n${items.join('')}`
  }
  const children = Array.from({ length: 1 + draw.below(3) }, (_, i) =>
    entry(draw, `${draw.one(words)}${i}`, more.indent),
  )
  return `${gap(draw, indent)}${pad}${name}:${anchor(draw, 20)}${comment(draw)}\n${children.join('')}`
}

/** A map with an anchor, or one that merges such a map. */
function merging(draw: Draw, start: string): string {
  if (draw.maps.length > 0 && draw.maybe(70)) {
    const [one, two] = [draw.one(draw.maps), draw.one(draw.maps)]
    const merged = draw.maybe(70) ? `*${one}` : `[ *${one}, *${two} ]`
    return `${start}: { own: 1, <<: ${merged} }${comment(draw)}\n`
  }
  draw.maps.push(`base${draw.maps.length}`)
  return `${start}: &base${draw.maps.length - 1} { x: ${flow(draw, 1)}, tag: v0 }${comment(draw)}\n`
}

/** ` &a1`, remembered only for scalars, because an alias may not stand inside what it names. */
function anchor(draw: Draw, percent: number): string {
  return draw.maybe(percent) ? ` &m${draw.below(1_000)}` : ''
}

function scalar(draw: Draw): string {
  const kind = draw.below(12)
  if (kind === 0 && draw.anchors.length > 0) return `*${draw.one(draw.anchors)}`
  if (kind === 1) {
    const name = `a${draw.anchors.length}`
    const text = `&${name} ${draw.one(plain)}`
    draw.anchors.push(name)
    return text
  }
  if (kind === 2) return `!!str ${draw.one(plain)}`
  if (kind < 6) return JSON.stringify(draw.text())
  if (kind < 8) return `'${draw.text().replaceAll("'", "''")}'`
  return draw.one(plain)
}

function flow(draw: Draw, depth: number): string {
  const kind = depth === 0 ? 0 : draw.below(3)
  if (kind === 0) return draw.one(['1', 'v1', '"x"', "'y'", '~', 'true', JSON.stringify(draw.text())])
  const inner = Array.from({ length: draw.below(4) }, (_, i) =>
    kind === 1 ? flow(draw, depth - 1) : `k${i}: ${flow(draw, depth - 1)}`,
  )
  const space = draw.one(['', ' '])
  return kind === 1 ? `[${space}${inner.join(', ')}${space}]` : `{${space}${inner.join(',  ')}${space}}`
}

type Meaning = {
  readonly source: string
  readonly form: ValuesFile['form']
  readonly meant: { key: 'repository' | 'tag' | 'image'; text: string }[]
}

function header(draw: Draw, meaning: Meaning): string {
  const [one, two, three] = [2, 4, 6].map((n) => ' '.repeat(n)) as [string, string, string]
  const others = Array.from(
    { length: draw.below(3) },
    (_, i) => `${two}other.example.com/o${i}: { image: "o/o:v${i}" }${comment(draw)}\n`,
  )
  const name = draw.one([meaning.source, `"${meaning.source}"`, `'${meaning.source}'`])
  const isFlow = draw.maybe(40)
  const fields = fieldsOf(draw, meaning, isFlow)
  const mine = isFlow
    ? `${two}${name}:${anchor(draw, 30)} {${draw.one(['', ' '])}${fields.join(draw.one([', ', ',   ']))}${draw.one(['', ' ', ', '])}}${comment(draw)}\n`
    : `${two}${name}:${anchor(draw, 30)}${comment(draw)}\n${fields.map((field) => `${gap(draw, 6)}${three}${field}${comment(draw)}\n`).join('')}`
  const images = [...others]
  images.splice(draw.below(images.length + 1), 0, mine)
  const parts = [`${one}chart: ./charts/x${comment(draw)}\n`, `${one}images:${comment(draw)}\n${images.join('')}`]
  if (draw.maybe(50)) parts.push(`${one}namespace: app\n`)
  if (draw.maybe(50)) parts.reverse()
  return `${gap(draw, 0)}__mygitops:${comment(draw)}\n${parts.join('')}`
}

function fieldsOf(draw: Draw, { form, meant }: Meaning, isFlow: boolean): readonly string[] {
  const keys = { 'repository-tag': ['repository', 'tag'], 'one-string': ['image'], quirky: ['image', 'tag'] } as const
  const wanted: ('repository' | 'tag' | 'image')[] = [...keys[form]]
  if (draw.maybe(50)) wanted.reverse()
  const fields = wanted.map((key) => {
    const old = key === 'tag' ? 'v1' : form === 'one-string' ? 'old/app:v1' : 'old/app'
    const text = draw.one([
      old,
      `"${old}"`,
      `'${old}'`,
      ...(key === 'tag' ? ['1.10', '"\\x761"', '~', 'null', ''] : []),
    ])
    meant.push({ key, text })
    const name = draw.one([key, `"${key}"`])
    // A type belongs to texts only: !!str ~ is the text "~".
    return `${name}: ${draw.one(['', '', '&i ', '!!str ', '! '])}${draw.one(['', ' '])}${mark}`.replace(
      '&i',
      `&i${meant.length}`,
    )
  })
  if (draw.maybe(30))
    fields.splice(draw.below(fields.length + 1), 0, isFlow ? 'pullPolicy: Always' : 'args: [ "--tag", v1 ]')
  return fields
}
