import assert from 'node:assert/strict'
import { test } from 'node:test'
import { amountOf } from './quantity.ts'

const cases: readonly [text: string, want: number, why: string][] = [
  ['1Gi', 1_073_741_824, 'powers of two'],
  ['1G', 1_000_000_000, 'powers of ten'],
  ['1.5Ki', 1536, 'a part'],
  ['500k', 500_000, 'a small k'],
  ['1024', 1024, 'bytes'],
  ['1e3', 1000, 'an exponent'],
  ['2E', 2e18, 'exa is no exponent'],
  ['128974848000m', 128_974_848, 'thousandths of a byte, as kubectl writes them now and then'],
  ['250m', 0.25, 'a part of a processor'],
  ['5u', 0.000_005, 'millionths'],
  ['1n', 1e-9, 'the smallest part'],
  ['1M', 1_000_000, 'a million is no thousandth'],
  ['1mi', Number.NaN, 'no unit'],
  ['much', Number.NaN, 'no number'],
]
for (const [text, want, why] of cases) test(`amountOf: ${why} (${text})`, () => assert.equal(amountOf(text), want))
