/**
 * CONTRIBUTING.md says which rows of faults there are and where each is shown; this holds it to the tests.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '..', '..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const rows = [...read('CONTRIBUTING.md').matchAll(/^\| (R\d+) \| [^|]+ \| ([^|]+) \|$/gm)].map(
  ([, row = '', files = '']) => ({ row, files: files.trim().split(', ') }),
)
const e2e = globSync(['test/e2e/*.e2e.ts', 'test/faults/*.e2e.ts'], { cwd: root })

/** The rows that the names of a text's tests begin with: `R6, R7: …`. */
function named(text: string): readonly string[] {
  return [...text.matchAll(/\btest\([`'"]((?:R\d+(?:, )?)+):/g)].flatMap((match) => match[1]?.split(', ') ?? [])
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => `R${from + i}`)

test('every row that has no cluster in it is in the table', () => {
  assert.deepEqual(
    rows.map(({ row }) => row),
    [...range(1, 17), ...range(29, 33), 'R35', 'R36'],
  )
})

for (const { row, files } of rows)
  test(`${row}: its test has its name, step by step and by seed`, () => {
    for (const file of files) {
      const path = e2e.find((one) => basename(one) === `${file}.e2e.ts`)
      assert.ok(path !== undefined && named(read(path)).includes(row), `${file}.e2e.ts has no test "${row}: …"`)
    }
    const seeded = globSync('test/faults/*.ts', { cwd: root }).map(read).join('\n')
    assert.equal(seeded.match(new RegExp(`row: '${row}'`, 'g'))?.length, 1)
  })
