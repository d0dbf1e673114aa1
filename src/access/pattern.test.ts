import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { matches } from './pattern.ts'

const cases: [pattern: string, text: string, want: boolean, why: string][] = [
  ['my-prod', 'my-prod', true, 'a plain word is itself'],
  ['my-prod', 'my-prod2', false, 'and no beginning of another'],
  ['My-Prod', 'my-prod', false, 'letters count as they are written'],
  ['team-*', 'team-a', true, 'a run'],
  ['team-*', 'team-', true, 'a run may be empty'],
  ['github.com/acme/*', 'github.com/acme/web', true, 'a run within one part'],
  ['github.com/acme/*', 'github.com/acme/web/x', false, 'a run ends at a slash'],
  ['github.com/acme/*', 'github.com/acme-evil/web', false, 'the slash before the run counts'],
  ['github.com/acme/**', 'github.com/acme/web/x', true, 'two stars pass slashes'],
  ['**', '', true, 'anything is anything'],
  ['*', 'a/b', false, 'one star is no slash'],
  ['*/web', 'acme/web', true, 'at the front'],
  ['*/web', 'x/acme/web', false, 'one part only'],
  ['a*b*c', 'aXbXbc', true, 'the run tries further places'],
  ['a.c', 'abc', false, 'a dot is a dot'],
  ['refs/heads/release/*', 'refs/heads/release/1.2', true, 'a branch'],
  ['', '', true, 'nothing is nothing'],
  ['', 'a', false, 'and not something'],
]
for (const [pattern, text, want, why] of cases) {
  test(`matches: ${why} (${pattern} ~ ${text})`, () => assert.equal(matches(pattern, text), want))
}

test('patterns mean what the same expression would', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '/', '*'), maxLength: 10 })
  const plain = fc.string({ unit: fc.constantFrom('a', 'b', '/'), maxLength: 10 })
  fc.assert(
    fc.property(letters, plain, (pattern, text) => {
      const parts = (pattern.match(/\*+|[^*]+/g) ?? []).map((part) =>
        part.startsWith('*') ? (part.length === 1 ? '[^/]*' : '.*') : part,
      )
      assert.equal(matches(pattern, text), new RegExp(`^${parts.join('')}$`, 's').test(text))
    }),
    { numRuns: Number(process.env['MGO_FUZZ_RUNS'] ?? 100) },
  )
})

test('a hostile pattern costs no more than pattern × text', () => {
  // The processor's time, not the clock's: other tests run beside this one.
  const began = process.cpuUsage().user
  assert.equal(matches(`${'a*'.repeat(127)}b`, 'a'.repeat(1_024)), false)
  assert.ok(process.cpuUsage().user - began < 100_000)
})
