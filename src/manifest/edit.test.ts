import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseImage } from '../release/image.ts'
import { type Edit, setImage } from './edit.ts'

const digest = `sha256:${'ab'.repeat(32)}`
const source = 'github.com/acme/shop'

function edit(text: string, to: string): Edit {
  const parsed = parseImage(to)
  assert.ok(parsed.kind === 'ok', to)
  return setImage({ path: 'a-values.yaml', bytes: new TextEncoder().encode(text), source, image: parsed.image })
}

const header = (image: string) =>
  `a: 1 # keep\n__mygitops:\n  chart: stable/x\n  images:\n    ${source}: ${image}\nb: [ 1,2 ]\n`

const changed: [why: string, before: string, to: string, after: string][] = [
  [
    'double quotes stay',
    header('{ repository: "acme/shop", tag: "v1" }'),
    'acme/shop:v2',
    header('{ repository: "acme/shop", tag: "v2" }'),
  ],
  [
    'single quotes stay',
    header("{ repository: 'acme/shop', tag: 'v1' }"),
    'acme/shop:v2',
    header("{ repository: 'acme/shop', tag: 'v2' }"),
  ],
  [
    'plain stays plain',
    header('{ repository: acme/shop, tag: v1 }'),
    'acme/shop:v2',
    header('{ repository: acme/shop, tag: v2 }'),
  ],
  [
    'a tag that YAML reads as a number is quoted',
    header('{ repository: acme/shop, tag: v1 }'),
    'acme/shop:1e3',
    header('{ repository: acme/shop, tag: "1e3" }'),
  ],
  [
    'a tag that YAML reads as a date is quoted',
    header('{ repository: acme/shop, tag: v1 }'),
    'acme/shop:2026-11-23',
    header('{ repository: acme/shop, tag: "2026-11-23" }'),
  ],
  [
    'a tag that YAML reads as a boolean is quoted',
    header('{ repository: acme/shop, tag: v1 }'),
    'acme/shop:on',
    header('{ repository: acme/shop, tag: "on" }'),
  ],
  [
    'null is quoted',
    header('{ repository: acme/shop, tag: v1 }'),
    'acme/shop:null',
    header('{ repository: acme/shop, tag: "null" }'),
  ],
  [
    'a hexadecimal number is quoted',
    header('{ repository: acme/shop, tag: v1 }'),
    'acme/shop:0x10',
    header('{ repository: acme/shop, tag: "0x10" }'),
  ],
  [
    'three numbers are a text',
    header('{ repository: acme/shop, tag: 1.2.3 }'),
    'acme/shop:1.2.4',
    header('{ repository: acme/shop, tag: 1.2.4 }'),
  ],
  [
    'a number before becomes a quoted text',
    header('{ repository: acme/shop, tag: 1.10 }'),
    'acme/shop:1.11',
    header('{ repository: acme/shop, tag: "1.11" }'),
  ],
  [
    'a registry port is part of the repository',
    header('{ repository: acme/shop, tag: v1 }'),
    'localhost:5000/shop:1.2.0',
    header('{ repository: localhost:5000/shop, tag: 1.2.0 }'),
  ],
  [
    'the one-string form',
    header('{ image: "acme/shop:v1" }'),
    'localhost:5000/shop:v2',
    header('{ image: "localhost:5000/shop:v2" }'),
  ],
  [
    'the quirky form is set apart',
    header('{image: "acme/shop", tag: "v1"}'),
    'acme/shop2:v2',
    header('{image: "acme/shop2", tag: "v2"}'),
  ],
  [
    'a digest goes behind the tag',
    header('{ repository: acme/shop, tag: v1 }'),
    `acme/shop:v2@${digest}`,
    header(`{ repository: acme/shop, tag: v2@${digest} }`),
  ],
  [
    'a digest alone in one string',
    header('{ image: acme/shop:v1 }'),
    `acme/shop@${digest}`,
    header(`{ image: acme/shop@${digest} }`),
  ],
  [
    'an anchor and a comment stay',
    header('&shop\n      repository: &r acme/shop # where\n      tag: &t v1# no comment'),
    'acme/shop:v2',
    header('&shop\n      repository: &r acme/shop # where\n      tag: &t v2'),
  ],
  [
    'an empty value is filled',
    header('\n      repository: acme/shop\n      tag:'),
    'acme/shop:v2',
    header('\n      repository: acme/shop\n      tag: v2'),
  ],
  [
    'an empty value before a comment is filled',
    header('\n      repository: acme/shop\n      tag: # todo'),
    'acme/shop:v2',
    header('\n      repository: acme/shop\n      tag: v2 # todo'),
  ],
]
for (const [why, before, to, after] of changed) {
  test(`setImage: ${why}`, () => {
    const got = edit(before, to)
    assert.equal(got.kind, 'changed', JSON.stringify(got))
    if (got.kind === 'changed') assert.equal(new TextDecoder('utf-8', { ignoreBOM: true }).decode(got.bytes), after)
    assert.equal(edit(after, to).kind, 'unchanged')
  })
  test(`setImage, CRLF, BOM, no final newline: ${why}`, () => {
    const odd = (text: string) => `\uFEFF${text.replaceAll('\n', '\r\n').replace(/\r\n$/, '')}`
    const got = edit(odd(before), to)
    assert.equal(got.kind, 'changed', JSON.stringify(got))
    if (got.kind === 'changed')
      assert.equal(new TextDecoder('utf-8', { ignoreBOM: true }).decode(got.bytes), odd(after))
  })
}

const refused: [why: string, text: string, says: RegExp, line: number][] = [
  ['an alias where a value is expected', `x: &x v1\n${header('{ repository: acme/shop, tag: *x }')}`, /alias/, 6],
  ['the whole image is an alias', `x: &x { repository: a, tag: v1 }\n${header('*x')}`, /alias/, 6],
  ['a merged value', `x: &x { tag: v1 }\n${header('{ <<: *x, repository: acme/shop }')}`, /merge/, 6],
  ['a block text', header('\n      repository: acme/shop\n      tag: |\n        v1'), /block text/, 7],
  ['a template', header('{ repository: acme/shop, tag: {{ .Values.tag }} }'), /map or a template/, 5],
  ['a quoted template', header('{ repository: acme/shop, tag: "{{ .Values.tag }}" }'), /template/, 5],
  ['a duplicate key', header('{ repository: acme/shop, tag: v1, tag: v0 }'), /twice/, 5],
  ['a misspelt key', header('{ repositry: acme/shop, tag: v1 }'), /repository/, 5],
  ['two headers', `${header('{ image: "a:v1" }')}---\n${header('{ image: "a:v1" }')}`, /two headers/, 9],
]
for (const [why, text, says, line] of refused) {
  test(`setImage refuses ${why}, with place and caret`, () => {
    const got = edit(text, 'acme/shop:v2')
    assert.ok(got.kind === 'refused', JSON.stringify(got))
    assert.match(`${got.problems[0]?.message} ${got.problems[0]?.hint}`, says)
    assert.equal(got.problems[0]?.at?.line, line)
  })
}

test('setImage: a file without a header, or with other sources, is left alone', () => {
  assert.equal(edit('a: 1\n', 'acme/shop:v2').kind, 'absent')
  assert.equal(
    edit(header('{ image: "a:v1" }').replace(source, 'github.com/other/thing'), 'acme/shop:v2').kind,
    'absent',
  )
})

test('setImage: another document stays as it is', () => {
  const tail = '---\n# other\nx:   [1,  2]\n'
  const got = edit(header('{ image: "a:v1" }') + tail, 'a:v2')
  assert.ok(got.kind === 'changed' && new TextDecoder().decode(got.bytes) === header('{ image: "a:v2" }') + tail)
})

test('setImage refuses what is no UTF-8, and what is too large', () => {
  const image = { repository: 'a', tag: 'v1', digest: undefined }
  const binary = setImage({ path: 'p', bytes: Uint8Array.of(0xff, 0xfe), source, image })
  assert.ok(binary.kind === 'refused' && binary.problems[0]?.code === 'REPO_INVALID')
  const large = setImage({ path: 'p', bytes: new Uint8Array(4 * 1024 * 1024 + 1), source, image })
  assert.ok(large.kind === 'refused' && large.problems[0]?.code === 'FILE_TOO_LARGE')
})
