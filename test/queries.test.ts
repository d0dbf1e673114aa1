/**
 * What stands in an address: a wrong value, or a word that a route does not know, is told with what, where and what next. The
 * routes of the old tool take whatever they took.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asked, ci, ops, server } from './door.ts'

const limit = 'limit: As many at most, 50 by default. See docs/api.md.'
const wrong: [address: string, says: RegExp, next: RegExp | string, why: string][] = [
  ['deploys?limit=abc', /^the query has limit="abc": it is no whole number from 1 to 1,000$/, limit, 'no number'],
  ['deploys?limit=0.5', /limit="0.5": it is no whole number/, limit, 'no whole number'],
  ['deploys?limit=', /limit="": it is no whole number/, limit, 'nothing'],
  ['deploys?limit=1001', /limit="1001": it is no whole number/, limit, 'too many'],
  ['deploys?limit=1&limit=2', /^the query has limit twice$/, limit, 'twice'],
  ['deploys?cursor=x', /cursor="x": it is none of an earlier answer/, /^cursor: `next` of the page before/, 'a cursor'],
  ['deploys?cluster=a%2Fb', /cluster="a\/b": it is no name of a cluster/, /^cluster: Only of this/, 'no name'],
  ['deploys?lmit=5', /^the query has "lmit", which this route does not take$/, /^Did you mean "limit"\?/, 'misspelt'],
  ['deploys?Cluster=my-prod', /"Cluster"/, /^Did you mean "cluster"\?/, 'in capitals'],
  ['deploys?source=x', /"source"/, /^Known: /, 'nothing near'],
  ['clusters?cluster=x', /"cluster"/, /^It takes none/, 'none at all'],
  ['clusters/my-prod/releases?quick=yes', /quick="yes": it is neither true nor false/, /pods/, 'neither'],
  ['clusters/a%2Fb/plan', /^the address has cluster="a\/b": it is no name/, /installations/, 'within the path'],
  ['audit?after=x', /after="x": it is no whole number from 0 on/, /^after: The n/, 'another route'],
  ['events?clusters=my-prod', /"clusters"/, /^Did you mean "cluster"\?/, 'a stream that would not filter'],
  [`deploys?${'x'.repeat(500)}=1`, /"x{60}"/, /^Known: /, 'a long word is cut'],
]
for (const [address, says, next, why] of wrong)
  test(`400 for a query: ${why} (${address.slice(0, 60)})`, async () => {
    const answer = await fetch(`${server}/v1/${address}`, { headers: { authorization: `Bearer ${ops}` } })
    const { code, detail, hint } = (await answer.json()) as Record<string, string>
    assert.deepEqual([answer.status, code], [400, 'REQUEST_INVALID'])
    assert.match(detail ?? '', says)
    if (typeof next === 'string') assert.equal(hint, next)
    else assert.match(hint ?? '', next)
  })

test('a deploy with a misspelt wait is not accepted', async () => {
  const before = asked.length
  const headers = { authorization: `Bearer ${ci}`, 'content-type': 'application/json' }
  const body = JSON.stringify({ cluster: 'my-prod', source: 'github.com/acme/web', image: 'ghcr.io/acme/web:v1' })
  const answer = await fetch(`${server}/v1/deploys?wiat=120s`, { method: 'POST', headers, body })
  assert.match(await answer.text(), /Did you mean \\"wait\\"\?/)
  assert.deepEqual([answer.status, asked.length], [400, before])
})

const fields = { triggerRepo: 'github.com/acme/web', imageRepo: 'ghcr.io/acme/web', imageTag: 'v1', author: 'a' }
const authorization = `Bearer ${ci}`

test('the old routes take words that they do not know, and a slash at their end', async () => {
  for (const path of ['/deploy', '/deploy/', '/deploy?debug=1', '/deploy/?debug=1']) {
    const body = new URLSearchParams({ ...fields, cluster: 'my-prod' })
    const good = await fetch(`${server}${path}`, { method: 'POST', headers: { authorization }, body })
    assert.deepEqual([good.status, ((await good.json()) as { status: string }).status], [200, 'ok'], path)
    const bad = await fetch(`${server}${path}`, {
      method: 'POST',
      headers: { authorization },
      body: new URLSearchParams({ ...fields, cluster: 'my-prod', imageTag: '' }),
    })
    const said = (await bad.json()) as { readonly status: string; readonly error: string }
    assert.deepEqual([bad.status, said.status, said.error], [400, 'error', 'missing parameter `imageTag`'], path)
  }
  const nobody = await fetch(`${server}/deploy/`, { method: 'POST', body: new URLSearchParams(fields) })
  assert.deepEqual([nobody.status, ((await nobody.json()) as { status: string }).status], [401, 'error'])
  const headers = { authorization, 'content-type': 'application/json' }
  const hub = await fetch(`${server}/deploy/dockerhub/?x=1`, { method: 'POST', headers, body: '{}' })
  assert.deepEqual([hub.status, ((await hub.json()) as { status: string }).status], [400, 'error'])
})
