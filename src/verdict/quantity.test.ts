import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytesOf } from './quantity.ts'

const cases: readonly [text: string, want: number, why: string][] = [
  ['1Gi', 1_073_741_824, 'powers of two'],
  ['1G', 1_000_000_000, 'powers of ten'],
  ['1.5Ki', 1536, 'a part'],
  ['500k', 500_000, 'a small k'],
  ['1024', 1024, 'bytes'],
  ['1e3', 1000, 'an exponent'],
  ['2E', 2e18, 'exa is no exponent'],
  ['128974848000m', Number.NaN, 'thousandths of a byte are nothing to compare with'],
  ['much', Number.NaN, 'no number'],
]
for (const [text, want, why] of cases) test(`bytesOf: ${why} (${text})`, () => assert.equal(bytesOf(text), want))
