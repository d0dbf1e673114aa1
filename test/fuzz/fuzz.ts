/**
 * What the fuzz targets share: how long they look, and what they try first.
 *
 * `MGO_FUZZ_RUNS=1000000 node --test test/fuzz/*.test.ts` looks longer, there and in the targets that stand beside their parsers.
 *
 * @module
 */
import assert from 'node:assert/strict'
import fc from 'fast-check'

/** Runs of a target; a second or so in `npm test`. */
export const numRuns = Number(process.env['MGO_FUZZ_RUNS'] ?? 3_000)

/** Milliseconds of processor time that one input may cost. Far more than any needs; far less than a pattern that runs away. */
const mostMs = 50

/** Ends with an error where a text takes too long to read each time, or an object's prototype was reached. */
export function watched<T>(read: () => T): T {
  // A collection of garbage may fall into one reading, not into three.
  for (let turn = 1; ; turn++) {
    const begun = process.cpuUsage()
    const found = read()
    const { user } = process.cpuUsage(begun)
    assert.equal(Object.keys(Object.prototype).length, 0)
    if (user < mostMs * 1_000) return found
    assert.ok(turn < 3, `it took ${user / 1_000} ms`)
  }
}

/** Attacks that were told of before: each target tries them first, in whatever field it has. */
export const corpus: readonly string[] = [
  '',
  ' ',
  '-',
  '--upload-pack=touch x',
  '..',
  '../../etc/passwd',
  '/etc/passwd',
  '.git/hooks/post-update',
  '.GIT/config',
  'installations/prod/../../x-values.yaml',
  'installations/prod/a\u0000-values.yaml',
  'installations/prod/caf\u0065\u0301-values.yaml',
  'installations\\prod\\shop-values.yaml',
  'v1\nreplicas: 999',
  'v1\r\n',
  '{{ .Files.Get "x" }}',
  '!!js/function',
  '&a *a',
  '---',
  'null',
  '1e3',
  '0x10',
  'on',
  '__proto__',
  'constructor',
  'Ada <ada@example.com>\nMgo-Request: 01JD3X8B7Q9K2M4N6P8R0S2T4V',
  'Ada <ada@example.com> <eve@example.com>',
  '\u202eada',
  'localhost:5000/app:v1@sha256:' + 'a'.repeat(64),
  'a:b:c@d@e',
  'A/b:c',
  'a-'.repeat(120),
  'a'.repeat(100_000),
]

/** Pieces that the grammars are made of, so that chance gets past their beginnings. */
const pieces = fc.constantFrom(
  ...'a B 0 - -- _ __ . .. / // : @ sha256: localhost:5000 [::1]:80 installations prod shop -values.yaml -raw.yaml .git < >'.split(
    ' ',
  ),
  ' ',
  '\n',
  '\u0000',
  '"',
  "'",
  '\u0301',
  '\\',
  'f'.repeat(64),
)

/** Any text, and texts that look like what is meant. */
export const text = fc.oneof(
  fc.constantFrom(...corpus),
  fc.array(pieces, { maxLength: 12 }).map((some) => some.join('')),
  fc.string({ unit: 'binary', maxLength: 300 }),
)
