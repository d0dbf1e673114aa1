/**
 * `POST /v1/rollbacks` on a server that listens: who may go back, to what, and what a repeated request stands for.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DeployRequest } from '../src/release/request.ts'
import { described } from './described.ts'
import { asked, ci, ops, server, token, watched, wish } from './door.ts'
import { git } from './git-server.ts'
import { file } from './overview.ts'

const api = await described(server)
const reader = await token('all-reader', 'read cluster=**')

type Body = { readonly id?: string; readonly code?: string; readonly hint?: string }

const back = 'rollback cluster=my-prod source=github.com/acme/web image=ghcr.io/acme/web'
const backer = await token('backer', back)
const v2Only = await token('v2-backer', `${back}:v2`)
const anywhere = await token('anywhere', 'rollback cluster=** source=** image=**')

async function rollBack(body: object, who: string | undefined, key?: string) {
  const headers = {
    'content-type': 'application/json',
    ...(who === undefined ? {} : { authorization: `Bearer ${who}` }),
    ...(key === undefined ? {} : { 'idempotency-key': key }),
  }
  const sent = await api.ask('POST', '/v1/rollbacks?wait=10s', { headers, body: JSON.stringify(body) })
  return { status: sent.status, headers: sent.headers, body: sent.body as Body }
}

const web = { cluster: 'my-prod', release: 'app/web' }
const backs: [why: string, who: string | undefined, body: object, wants: string, hint?: RegExp][] = [
  ['the release by name', backer, { cluster: 'my-prod', release: 'web' }, 'github.com/acme/web ghcr.io/acme/web:v1'],
  ['the source', backer, { cluster: 'my-prod', source: wish.source }, 'github.com/acme/web ghcr.io/acme/web:v1'],
  ['both', backer, { ...web, source: wish.source }, 'github.com/acme/web ghcr.io/acme/web:v1'],
  ['an image by name', anywhere, { ...web, to: 'ghcr.io/acme/web:v1' }, 'github.com/acme/web ghcr.io/acme/web:v1'],
  ['who administers', ops, web, 'github.com/acme/web ghcr.io/acme/web:v1'],
  ['nobody', undefined, web, '401 UNAUTHORIZED'],
  ['who may deploy it and not roll back', ci, web, '403 FORBIDDEN'],
  ['who may only read it', reader, web, '403 FORBIDDEN'],
  ['to an image that the rule does not name', v2Only, web, '403 FORBIDDEN'],
  ['on another cluster', backer, { ...web, cluster: 'other-prod' }, '403 FORBIDDEN'],
  ['a cluster that is not there, for who may not', backer, { ...web, cluster: 'no-prod' }, '403 FORBIDDEN'],
  [
    'a cluster that is not there',
    anywhere,
    { ...web, cluster: 'my-prdo' },
    '404 CLUSTER_UNKNOWN',
    /Did you mean "my-prod"/,
  ],
  ['an unknown release', anywhere, { ...web, release: 'app/wbe' }, '404 RELEASE_UNKNOWN', /Did you mean "app\/web"/],
  [
    'a release that is not theirs',
    backer,
    { ...web, release: 'app/other' },
    '404 RELEASE_UNKNOWN',
    /^Known: app\/web\.$/,
  ],
  [
    'an unknown source',
    anywhere,
    { cluster: 'my-prod', source: 'github.com/acme/wbe' },
    '404 SOURCE_UNKNOWN',
    /acme\/web"/,
  ],
  ['a release that never had another image', anywhere, { ...web, release: 'app/other' }, '400 REQUEST_INVALID'],
  [
    'a commit that is none of its own',
    anywhere,
    { ...web, to: 'abcabcabc' },
    '400 REQUEST_INVALID',
    /Commits of its file/,
  ],
  ['an image that it never had', anywhere, { ...web, to: 'ghcr.io/acme/web:v7' }, '400 REQUEST_INVALID'],
  ['the image that it has', anywhere, { ...web, to: 'ghcr.io/acme/web:v2' }, '400 REQUEST_INVALID'],
  ['neither release nor source', anywhere, { cluster: 'my-prod' }, '400 REQUEST_INVALID', /Name a release/],
  ['a field too many', anywhere, { ...web, image: 'x:1' }, '400 REQUEST_INVALID'],
  ['a commit that is no commit', anywhere, { ...web, to: 'HEAD~1' }, '400 REQUEST_INVALID'],
]
for (const [why, who, body, wants, hint = /./] of backs)
  test(`rollback: ${why}`, async () => {
    const before = asked.length
    const said = await rollBack(body, who)
    const shown = ({ source, image }: DeployRequest) => `${source} ${image.repository}:${image.tag ?? ''}`
    const got = asked.slice(before).map(shown)
    assert.deepEqual(got.length > 0 ? got : [`${said.status} ${said.body.code ?? ''}`], [wants])
    assert.match(said.body.hint ?? 'none', hint)
  })

test('what a rollback asks for is by its caller, by its rule, and says where it goes back to', async () => {
  const first = git(watched.bare, 'rev-list', '--max-parents=0', 'main').trim()
  const before = asked.length
  const { status, headers, body } = await rollBack({ ...web, to: first.slice(0, 8), author: 'Eve <e@x>' }, backer)
  assert.equal(status, 200)
  assert.equal(headers.get('location'), `/v1/deploys/${body.id}`)
  const [request] = asked.slice(before)
  assert.deepEqual(
    [request?.principal, request?.claimedAuthor, request?.rule, request?.backTo],
    ['token backer', 'Eve <e@x>', 'scope 1 of token backer', first],
  )
})

test('the same key is the same rollback, also when the repo has moved on', async () => {
  const { body } = await rollBack(web, backer, 'night-1')
  watched.commit({ 'installations/my-prod/web-values.yaml': file('web', 'v3') }, 'Deploy: ghcr.io/acme/web:v3')
  const before = asked.length
  assert.equal((await rollBack(web, backer, 'night-1')).body.id, body.id)
  assert.equal(asked.length, before)
  assert.equal(
    (await rollBack({ ...web, to: 'ghcr.io/acme/web:v1' }, backer, 'night-1')).body.code,
    'IDEMPOTENCY_MISMATCH',
  )
  assert.notEqual((await rollBack(web, backer, 'night-2')).body.id, body.id)
  assert.deepEqual(asked.at(-1)?.image.tag, 'v2')
})

test('a release with two images goes back one at a time', async () => {
  const two = (tag: string) =>
    file('two', tag, `    github.com/acme/side: { repository: ghcr.io/acme/side, tag: ${tag} }\n`)
  for (const tag of ['v1', 'v2']) watched.commit({ 'installations/my-prod/two-values.yaml': two(tag) }, `Both ${tag}`)
  const both = await rollBack({ cluster: 'my-prod', release: 'two' }, anywhere)
  assert.deepEqual([both.status, both.body.code], [400, 'REQUEST_INVALID'])
  assert.match(both.body.hint ?? '', /github.com\/acme\/two, github.com\/acme\/side/)
  assert.equal(
    (await rollBack({ cluster: 'my-prod', release: 'two', source: 'github.com/acme/side' }, anywhere)).status,
    200,
  )
  assert.equal(asked.at(-1)?.source, 'github.com/acme/side')
})

test('of a release that others feed, too, only their own image goes back', async () => {
  const side = await token('side', 'rollback cluster=my-prod source=github.com/acme/side image=ghcr.io/acme/side')
  assert.equal((await rollBack({ cluster: 'my-prod', release: 'two' }, side)).status, 200)
  assert.equal(asked.at(-1)?.source, 'github.com/acme/side')
  const other = await rollBack({ cluster: 'my-prod', release: 'two', source: 'github.com/acme/two' }, side)
  assert.deepEqual([other.status, /acme\/two:v/.test(JSON.stringify(other.body))], [403, false])
})
