/**
 * Bodies that nobody sends by mistake.
 *
 * @module
 */
import fc from 'fast-check'

/** The payload with something else somewhere: null, a list for an object, nothing, a huge list, a key of the prototype. */
export function mangled(body: unknown): fc.Arbitrary<unknown> {
  const odd = fc.oneof(
    fc.constantFrom<unknown>(null, [], {}, [[]], '', 0, true, 'x'.repeat(5_000), JSON.parse('{"__proto__":{"a":1}}')),
    fc.jsonValue({ maxDepth: 3 }),
  )
  return fc.oneof({ weight: 1, arbitrary: odd }, { weight: 4, arbitrary: replaced(body, odd) })
}

function replaced(value: unknown, odd: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  if (typeof value !== 'object' || value === null) return odd
  const entries = Object.entries(value)
  if (entries.length === 0) return odd
  return fc.nat(entries.length - 1).chain((at) =>
    fc.oneof(odd, replaced(entries[at]?.[1], odd)).map((inner) => {
      const changed = entries.map(([key, old], i) => [key, i === at ? inner : old] as const)
      return Array.isArray(value) ? changed.map(([, one]) => one) : Object.fromEntries(changed)
    }),
  )
}
