/**
 * Values files made to hurt: the answer comes in bounded time, and says what is wrong. The bounds are wide, because they
 * tell linear from quadratic, not fast from slow.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseCluster } from '../../src/release/ids.ts'
import { setImage } from '../../src/manifest/edit.ts'
import { parseHeader } from '../../src/manifest/header.ts'

const head = (image = '{ repository: a/s, tag: v1 }') => `__mygitops:\n  chart: ./x\n  images:\n    g/s: ${image}\n`
const many = (n: number, line: (i: number) => string) => Array.from({ length: n }, (_, i) => line(i)).join('')

function laughs(): string {
  const lines = ['a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n']
  for (let i = 1; i < 12; i++) lines.push(`a${i}: &a${i} [${`*a${i - 1},`.repeat(10)}]\n`)
  return lines.join('')
}

const hostile: [why: string, text: string, says: RegExp | 'changed'][] = [
  ['a billion laughs', laughs() + head(), /expand to over a million/],
  ['a merge of itself, eight wide', head('&a { <<: [*a,*a,*a,*a,*a,*a,*a,*a], image: x }'), /inside what it names/],
  [
    'merges of merges',
    `m0: &m0 { tag: x }\n${many(30, (i) => `m${i + 1}: &m${i + 1} { <<: [*m${i}, *m${i}] }\n`)}${head('{ <<: *m30, image: x }')}`,
    /expand to over a million/,
  ],
  ['10,000 levels of flow', `${head()}x: ${'['.repeat(10_000)}${']'.repeat(10_000)}\n`, /call stack|nested deeper/],
  ['201 levels', `${head()}x: ${'['.repeat(201)}${']'.repeat(201)}\n`, /nested deeper than 200/],
  ['2,000 levels of block', head() + many(2_000, (i) => `${' '.repeat(i)}a:\n`), /call stack|nested deeper/],
  ['20,000 dashes in a row', `${head()}x:\n${'- '.repeat(20_000)}a\n`, /call stack|nested deeper/],
  ['the same key 10,000 times', head() + 'k: 1\n'.repeat(10_000), /twice/],
  ['20,000 errors', head() + '}\n'.repeat(20_000), /not valid YAML/],
  ['5,000 images', head() + many(5_000, (i) => `    g/${i}: { image: a }\n`), 'changed'],
  ['8,000 images by alias', `x: &x { image: a }\n${head()}${many(8_000, (i) => `    g/${i}: *x\n`)}`, 'changed'],
  ['5,000 anchors', many(5_000, (i) => `a${i}: &a${i} 1\nb${i}: *a${i}\n`) + head(), 'changed'],
  ['10,000 keys', head() + many(10_000, (i) => `k${i}: 1\n`), 'changed'],
  ['20,000 images', head() + many(20_000, (i) => `    g/${i}: { image: a }\n`), /too many values/],
  ['20,000 anchors', many(20_000, (i) => `a${i}: &a${i} 1\nb${i}: *a${i}\n`) + head(), /too many values/],
  ['50,000 keys', head() + many(50_000, (i) => `k${i}: 1\n`), /too many values/],
  ['2,000,000 values in a row', `${head()}x: [${'a,'.repeat(1_990_000)}]\n`, /too many values/],
  ['2,000,000 brackets', `${head()}x: [${'[],'.repeat(1_300_000)}]\n`, /too many values/],
  ['a text of 4 MB', `${head()}x: |\n${'  a: [b, c]\n'.repeat(330_000)}`, 'changed'],
  ['a comment of 4 MB', `${head()}#${'x'.repeat(4_000_000)}`, 'changed'],
  [
    'keys of the prototype',
    `${head()}__proto__: { polluted: 1 }\nconstructor: { prototype: { polluted: 1 } }\n`,
    'changed',
  ],
]

const cluster = parseCluster('prod')
assert.ok(cluster)

for (const [why, text, says] of hostile) {
  test(`S8: a hostile values file: ${why}`, { timeout: 60_000 }, () => {
    const bytes = new TextEncoder().encode(text)
    const image = { repository: 'a/s', tag: 'v2', digest: undefined }
    const got = setImage({ path: 'p', bytes, source: 'g/s', image })
    if (says === 'changed') assert.equal(got.kind, 'changed')
    else assert.match(got.kind === 'refused' ? (got.problems[0]?.message ?? '') : got.kind, says)
    if (got.kind === 'refused') {
      assert.ok(got.problems.length <= 20, 'a few problems, not all of them')
      assert.ok(got.problems.every(({ at }) => at !== undefined && at.line > 0))
    }
    parseHeader({ path: 'p', bytes, cluster, name: 'p' })
    assert.equal(({} as Record<string, unknown>)['polluted'], undefined)
  })
}

test('S8: 20,000 unknown keys of the header are told twenty at a time', () => {
  const bytes = new TextEncoder().encode(head() + many(20_000, (i) => `  g${i}: 1\n`))
  const got = parseHeader({ path: 'p', bytes, cluster, name: 'p' })
  assert.ok(got.kind === 'refused' && got.problems.length <= 22)
})
