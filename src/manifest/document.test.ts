/**
 * What is remembered of parsed texts.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseDocuments } from './document.ts'

const read = (text: string, path = 'a.yaml') => parseDocuments({ path, text })

test('a text is parsed once, whatever its file is called', () => {
  const first = read('tag: v1\n')
  assert.equal(first.kind, 'ok')
  assert.equal(read('tag: v1\n', 'b.yaml'), first)
  assert.notEqual(read('tag: v2\n'), first)
})

test('what is wrong is told of each file by its own name', () => {
  const wrong = (path: string) => {
    const parsed = read('tag: v1\ntag: v2\n', path)
    return parsed.kind === 'refused' ? parsed.problems[0]?.at?.file : undefined
  }
  assert.deepEqual([wrong('a.yaml'), wrong('b.yaml')], ['a.yaml', 'b.yaml'])
})

test('only the last texts are remembered, and no large one', () => {
  const first = read('n: 0\n')
  for (let n = 1; n < 40; n++) read(`n: ${n}\nrest: ${'x'.repeat(10_000)}\n`)
  assert.notEqual(read('n: 0\n'), first)
  const large = `rest: ${'x'.repeat(40_000)}\n`
  assert.notEqual(read(large), read(large))
})
