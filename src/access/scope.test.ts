import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { verbs } from './grant.ts'
import { parseScope, printScope } from './scope.ts'

const good: [text: string, printed: string | undefined, why: string][] = [
  ['read cluster=my-prod', undefined, 'the smallest'],
  ['deploy,read cluster=a,b source=github.com/acme/* image=ghcr.io/acme/**', undefined, 'lists'],
  ['admin cluster=** source=** image=**', undefined, 'everything, in so many words'],
  ['deploy cluster=a source=s image=localhost:5000/x:v* release=app/web', undefined, 'a port and a tag'],
  [' read  cluster=a cluster=b ', 'read cluster=a,b', 'a word twice adds up'],
  ['read cluster=arn:aws:eks:eu-west-1:1:cluster/x', undefined, 'colons are part of a name'],
]
for (const [text, printed, why] of good) {
  test(`parseScope: ${why}`, () => {
    const got = parseScope(text)
    assert.ok(got.kind === 'ok', text)
    assert.equal(printScope(got.grant), printed ?? text)
  })
}

const bad: [text: string, says: RegExp, why: string][] = [
  ['', /"" is no verb/, 'nothing'],
  ['write cluster=a', /"write" is no verb/, 'a verb that is none'],
  ['read', /no cluster/, 'a missing cluster is not every cluster'],
  ['deploy cluster=a image=**', /deploy needs a source/, 'a missing source'],
  ['admin cluster=** source=**', /admin needs an image/, 'a missing image'],
  ['read cluster=', /names nothing/, 'an empty list'],
  ['read clusters=a', /none of/, 'a word that is none'],
  ['read constructor=a', /none of/, 'a word that every object has'],
]
for (const [text, says, why] of bad) {
  test(`parseScope refuses ${why}`, () => {
    const got = parseScope(text)
    assert.match(got.kind === 'refused' ? got.why : '', says)
  })
}

test('what is printed is read as it was, and nothing that is read throws', () => {
  const patterns = fc.array(fc.stringMatching(/^[a-z/*:.-]{1,12}$/), { minLength: 1, maxLength: 3 })
  const grant = fc.record({
    may: fc.uniqueArray(fc.constantFrom(...verbs), { minLength: 1 }),
    clusters: patterns,
    sources: patterns,
    images: patterns,
  })
  fc.assert(
    fc.property(grant, (one) => assert.deepEqual(parseScope(printScope(one)), { kind: 'ok', grant: { ...one } })),
  )
  fc.assert(
    fc.property(fc.string(), (text) => void parseScope(text)),
    { numRuns: Number(process.env['MGO_FUZZ_RUNS'] ?? 100) },
  )
})
