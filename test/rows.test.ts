/**
 * The tables of CONTRIBUTING.md that say which test shows which row of the reviews: each named file has a test whose name
 * begins with the row, and each such test stands in the tables.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '..')
const page = readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8')
/** `| S7 | what | a.e2e.ts, b.test.ts |`; files are paths below test/. */
const rows = [...page.matchAll(/^\| ([RS]\d+) \| [^|]+ \| ([^|]+) \|$/gm)].map(([, row = '', files = '']) => ({
  row,
  files: files.split(',').map((one) => one.trim()),
}))

/** The rows that the names of a file's tests begin with. */
function shownIn(path: string): ReadonlySet<string> {
  const names = readFileSync(join(root, path), 'utf8').matchAll(/\btest\(\s*['"`]([RS]\d+(?:, [RS]\d+)*): /g)
  return new Set([...names].flatMap(([, rows = '']) => rows.split(', ')))
}

for (const { row, files } of rows)
  test(`the table: ${row} is shown by ${files.join(', ')}`, () => {
    for (const file of files)
      assert.ok(shownIn(join('test', file)).has(row), `no test of test/${file} begins with "${row}: "`)
  })

test('the table has every row once, and every test that names one', () => {
  assert.equal(new Set(rows.map(({ row }) => row)).size, rows.length)
  for (const path of globSync('test/**/*.{test,e2e}.ts', { cwd: root }))
    for (const row of shownIn(path)) {
      // A kind of row that has no table yet is nobody's promise.
      if (!rows.some((one) => one.row[0] === row[0])) continue
      const found = rows.find((one) => one.row === row)
      assert.ok(found?.files.includes(path.replace(/^test\//, '')) === true, `${row} of ${path} is not in the table`)
    }
})

test('no attack of the list is missing', () => {
  const wanted = [
    1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 14, 15, 16, 17, 18, 19, 20, 22, 23, 24, 26, 27, 28, 29, 30, 31, 32, 34, 35,
  ]
  const there = rows.flatMap(({ row }) => (row.startsWith('S') ? [Number(row.slice(1))] : []))
  assert.deepEqual(
    there.toSorted((a, b) => a - b),
    wanted,
  )
})
