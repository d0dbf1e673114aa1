/**
 * Which events a reader of `GET /v1/events` hears: of what they may read, and of their own requests.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Cluster, Commit } from '../src/release/ids.ts'
import { described } from './described.ts'
import { asked, ci, hub, post, server, token, wish } from './door.ts'

const api = await described(server)
const reader = await token('all-reader', 'read cluster=**')
const prods = await token('prod-reader', 'read cluster=my-prod')
const webReader = await token('web-reader', 'read cluster=my-prod source=github.com/acme/web')
await post(ci)

/** What a reader hears of a tale, until its end. */
async function hears(who: string, query: string, tell: () => void): Promise<readonly string[]> {
  const response = await fetch(`${server}/v1/events${query}`, { headers: { authorization: `Bearer ${who}` } })
  assert.equal(response.status, 200)
  let text = ''
  tell()
  for await (const part of response.body ?? []) {
    text += Buffer.from(part).toString()
    if (text.includes('the end')) break
  }
  return [...text.matchAll(/^event: (\S+)\ndata: (.*)$/gm)].map(([, kind, data = '']) => {
    assert.equal(api.event('follow', JSON.parse(data)), undefined, data)
    const { unit, release, id } = JSON.parse(data) as {
      readonly unit?: string
      readonly release?: { readonly release: string }
      readonly id?: string
    }
    return [kind, unit ?? release?.release ?? (id === undefined ? undefined : 'request')].filter(Boolean).join(' ')
  })
}

/** A deploy of web and one of other on my-prod, as a deployer tells of them; everybody here hears the end of it. */
function tale(): () => void {
  const request = asked.findLast(({ source, cluster }) => source === wish.source && cluster === 'my-prod')
  assert.ok(request !== undefined)
  const { id, cluster } = request
  const at = Date.now()
  const commit = '0'.repeat(40) as Commit
  const judged = (release: string, reason: string) => ({ release, verdict: 'healthy', reason }) as const
  return () => {
    hub.told({ kind: 'committed', id, commit, files: [], releases: ['app/web'], at })
    hub.told({ kind: 'planned', cluster, apply: 2, keep: 0, prune: 0, at })
    hub.told({ kind: 'applying', cluster, unit: 'app/other', reason: '', at })
    hub.told({ kind: 'applying', cluster, unit: 'app/web', reason: '', at })
    hub.told({ kind: 'judged', cluster, release: judged('app/other', ''), at })
    hub.told({ kind: 'applying', cluster: 'other-prod' as Cluster, unit: 'app/web of other-prod', reason: '', at })
    hub.told({ kind: 'note', text: 'of the server', at })
    hub.told({ kind: 'judged', cluster, release: judged('app/web', 'the end'), at })
  }
}

const ofWeb = ['committed request', 'applying app/web', 'judged app/web']
const whole = ['committed request', 'planned', 'applying app/other', 'applying app/web', 'judged app/other']
const elsewhere = ['applying app/web of other-prod', 'note']
const heard: [why: string, who: string, query: string, wants: readonly string[]][] = [
  ['who may read everything', reader, '', [...whole, ...elsewhere, 'judged app/web']],
  ['everything, of one cluster', reader, '?cluster=my-prod', [...whole, 'judged app/web']],
  ['who may read the cluster', prods, '', [...whole, 'judged app/web']],
  ['a reader of one source', webReader, '', ofWeb],
]
for (const [why, who, query, wants] of heard)
  test(`events: ${why}`, async () => {
    assert.deepEqual(await hears(who, query, tale()), wants)
  })

test('events: who made a request hears of it and of its releases, and of nothing else', async () => {
  const before = asked.length
  const headers = { authorization: `Bearer ${ci}`, 'content-type': 'application/json' }
  await fetch(`${server}/v1/deploys?wait=10s`, { method: 'POST', headers, body: JSON.stringify(wish) })
  assert.equal(asked.length, before + 1)
  assert.deepEqual(await hears(ci, '', tale()), ofWeb)
})
