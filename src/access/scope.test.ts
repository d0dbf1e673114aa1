import assert from 'node:assert/strict'
import { test } from 'node:test'
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
