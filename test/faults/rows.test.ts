/**
 * Every row of CONTRIBUTING.md's table of faults is also done by seed, each once.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '..', '..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => `R${from + i}`)
const wanted = [...range(1, 17), ...range(29, 33), 'R35', 'R36']

test('every row that has no cluster in it is in the table', () => {
  const rows = [...read('CONTRIBUTING.md').matchAll(/^\| (R\d+) \|/gm)].map(([, row]) => row)
  assert.deepEqual(
    wanted.filter((row) => !rows.includes(row)),
    [],
  )
})

test('every row comes by seed, once', () => {
  const texts = globSync('test/faults/*.ts', { cwd: root }).map(read).join('\n')
  const rows = [...texts.matchAll(/^\s+row: '(R\d+)',$/gm)].map(([, row = '']) => row)
  const number = (row: string) => Number(row.slice(1))
  assert.deepEqual(
    rows.toSorted((a, b) => number(a) - number(b)),
    wanted,
  )
})
