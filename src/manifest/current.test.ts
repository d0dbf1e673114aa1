import assert from 'node:assert/strict'
import { test } from 'node:test'
import { currentTag } from './current.ts'

const source = 'github.com/acme/shop'
const cases: [image: string, want: string | undefined, why: string][] = [
  ['{ repository: acme/shop, tag: v1.2.0 }', 'v1.2.0', 'apart'],
  ['{ repository: acme/shop, tag: "v1@sha256:aa" }', 'v1@sha256:aa', 'pinned'],
  ['{ image: "localhost:5000/acme/shop:v2" }', 'v2', 'one string, with a port'],
  ['{ image: "acme/shop:v2@sha256:aa" }', 'v2@sha256:aa', 'one string, pinned'],
  ['{ image: "localhost:5000/acme/shop" }', undefined, 'a port is no tag'],
  ['{ image: acme/shop, tag: 7 }', '7', 'the quirky form, and a number'],
  ['{ repository: acme/shop, tag: }', undefined, 'no value'],
  ['*other', 'v9', 'an alias'],
  ['nothing', undefined, 'no map'],
]
for (const [image, want, why] of cases) {
  test(`currentTag: ${why}`, () => {
    const text = `other: &other { repository: acme/other, tag: v9 }\n__mygitops:\n  chart: ./c\n  images:\n    ${source}: ${image}\n`
    assert.equal(currentTag('a-values.yaml', new TextEncoder().encode(text), source), want)
  })
}

test('currentTag: files without a header, or that cannot be read', () => {
  for (const text of ['a: 1\n', '{', '\ufffe', `__mygitops: { images: { "x/y": { tag: v1 } } }`])
    assert.equal(currentTag('a-values.yaml', new TextEncoder().encode(text), source), undefined)
})
