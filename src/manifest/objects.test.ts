import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseObjects } from './objects.ts'

const value = (yaml: string): unknown => {
  const got = parseObjects(`apiVersion: v1\nkind: X\nmetadata: { name: x }\nv: ${yaml}\n`, 'a-raw.yaml')
  assert.ok(got.kind === 'ok', JSON.stringify(got))
  return got.objects[0]?.['v']
}

// What kubectl 1.36 makes of the same text (kubectl annotate --local -f - a=b -o json).
const read: [yaml: string, want: unknown][] = [
  ['0644', 420],
  ['0o17', 15],
  ['0x1F', 31],
  ['0b101', 5],
  ['1_000', 1000],
  ['yes', true],
  ['off', false],
  ['y', true],
  ['2026-11-23', '2026-11-23'],
  ['12:30', '12:30'],
  ['1.50', 1.5],
  ['"0644"', '0644'],
  ['~', null],
  ['1e3', 1000],
  ['e1234567', 'e1234567'],
  ['.', '.'],
  ['1_0.5', 10.5],
  ['.5', 0.5],
]
for (const [yaml, want] of read) test(`read as Kubernetes reads it: ${yaml}`, () => assert.deepEqual(value(yaml), want))

test('many documents, an empty one, and a List', () => {
  const got = parseObjects(
    '---\napiVersion: v1\nkind: A\nmetadata: {name: a}\n---\n# nothing\n---\napiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: B, metadata: {name: b}}\n- {apiVersion: v1, kind: C, metadata: {name: c}}\n',
    'f',
  )
  assert.deepEqual(got.kind === 'ok' && got.objects.map((one) => one.kind), ['A', 'B', 'C'])
})

const bad: [text: string, says: RegExp][] = [
  ['apiVersion: v1\nkind: X\nmetadata: {generateName: a-}\n', /generateName/],
  ['apiVersion: v1\nkind: X\n', /no metadata/],
  ['kind: X\nmetadata: {name: a}\n', /no apiVersion/],
  ['- 1\n', /no Kubernetes object/],
  ['apiVersion: v1\nkind: X\nmetadata: {name: a}\nn: 12345678901234567890\n', /too large/],
  ['apiVersion: v1\nkind: X\nmetadata: {name: a}\n---\napiVersion: v1\nkind: X\nmetadata: {name: a}\n', /twice/],
  ['apiVersion: v1\nkind: {{ .x }}\nmetadata: {name: a}\n', /no kind/],
]
for (const [text, says] of bad) {
  test(`refuses: ${says.source}`, () => {
    const got = parseObjects(text, 'f')
    assert.match(got.kind === 'refused' ? (got.problems[0]?.message ?? '') : '', says)
  })
}

test('a key named __proto__ changes no prototype', () => {
  parseObjects('apiVersion: v1\nkind: X\nmetadata: {name: a}\n__proto__: {polluted: true}\n', 'f')
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined)
})
