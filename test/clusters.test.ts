/**
 * What callers are told of clusters by a server that listens: releases and plans. The tables have who is allowed, who is
 * not, and what is not there.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { described } from './described.ts'
import { ci, ops, server, token, watched } from './door.ts'

const api = await described(server)
const reader = await token('all-reader', 'read cluster=**')
const prods = await token('prod-reader', 'read cluster=my-prod')
const webReader = await token('web-reader', 'read cluster=my-prod source=github.com/acme/web')
const named = await token('name-reader', 'read cluster=my-prod release=app/other,network-raw.yaml')
const v1Reader = await token('v1-reader', 'read cluster=my-prod source=github.com/acme/web image=ghcr.io/acme/web:v1')

type Body = {
  readonly code?: string
  readonly hint?: string
  readonly detail?: string
  readonly releases?: readonly { readonly release: string }[]
  readonly units?: readonly { readonly unit: string }[]
}

async function get(path: string, who: string) {
  const { status, body, headers } = await api.ask('GET', path, { headers: { authorization: `Bearer ${who}` } })
  return { status, headers, body: body as Body }
}

const all = ['app/other', 'app/web', 'network-raw.yaml']
const seen: [why: string, who: string, path: string, wants: readonly string[] | string, hint?: RegExp][] = [
  ['who may read everything', reader, 'my-prod', all],
  ['who may read the cluster', prods, 'my-prod', all],
  ['who may administer', ops, 'my-prod', all],
  ['a reader of one source', webReader, 'my-prod', ['app/web']],
  ['a reader of some releases', named, 'my-prod', ['app/other', 'network-raw.yaml']],
  ['a reader of an image that is not there any more', v1Reader, 'my-prod', '403 FORBIDDEN'],
  ['who may deploy and not read', ci, 'my-prod', '403 FORBIDDEN'],
  ['another cluster', prods, 'other-prod', '403 FORBIDDEN'],
  ['a cluster that is not there, for who may not read it', prods, 'no-prod', '403 FORBIDDEN'],
  ['a cluster that is not there', reader, 'my-prdo', '404 CLUSTER_UNKNOWN', /Did you mean "my-prod"/],
  ['what is no cluster', reader, '-x', '400 REQUEST_INVALID'],
]
for (const [why, who, cluster, wants, hint = /./] of seen)
  for (const route of ['releases', 'plan'] as const)
    test(`${route}: ${why}`, async () => {
      const { status, body } = await get(`/v1/clusters/${cluster}/${route}`, who)
      const names = body.releases?.map((one) => one.release) ?? body.units?.map((one) => one.unit)
      if (typeof wants === 'string') assert.equal(`${status} ${body.code ?? ''}`, wants)
      else assert.deepEqual(names?.toSorted(), wants)
      assert.match(body.hint ?? 'none', hint)
    })

test('without an identity nothing is told', async () => {
  for (const route of ['releases', 'plan'])
    assert.equal((await api.ask('GET', `/v1/clusters/my-prod/${route}`)).status, 401)
})

test('a release has what git says of it', async () => {
  const { body } = await get('/v1/clusters/my-prod/releases?release=app/web&quick=true', webReader)
  assert.deepEqual(body.releases, [
    {
      release: 'app/web',
      cluster: 'my-prod',
      state: 'unseen',
      says: 'this server commits only, and looks at no cluster',
      runs: [],
      namespace: 'app',
      name: 'web',
      file: 'installations/my-prod/web-values.yaml',
      images: [{ source: 'github.com/acme/web', image: 'ghcr.io/acme/web:v2' }],
    },
  ])
})

const one: [why: string, who: string, name: string, wants: string, hint?: RegExp][] = [
  ['by its name', reader, 'web', 'app/web'],
  ['a raw file by its name', reader, 'network', 'network-raw.yaml'],
  ['unknown', reader, 'app/wbe', '404 RELEASE_UNKNOWN', /Did you mean "app\/web"/],
  [
    'not theirs: as if it were not there, and the names are theirs',
    webReader,
    'app/other',
    '404 RELEASE_UNKNOWN',
    /^Known: app\/web\.$/,
  ],
]
for (const [why, who, name, wants, hint = /./] of one)
  test(`one release: ${why}`, async () => {
    const { status, body } = await get(`/v1/clusters/my-prod/releases?release=${encodeURIComponent(name)}`, who)
    assert.equal(body.releases?.map((each) => each.release).join() ?? `${status} ${body.code}`, wants)
    assert.match(body.hint ?? 'none', hint)
  })

test('one plan of a cluster at a time; others are told when to come again', async () => {
  const gate = Promise.withResolvers<void>()
  const entered = Promise.withResolvers<void>()
  watched.gate = () => {
    entered.resolve()
    return gate.promise
  }
  const first = get('/v1/clusters/my-prod/plan', reader)
  await entered.promise
  const second = await get('/v1/clusters/my-prod/plan', webReader)
  assert.deepEqual([second.status, second.body.code, second.headers.get('retry-after')], [429, 'CLUSTER_BUSY', '5'])
  gate.resolve()
  assert.equal((await first).status, 200)
  assert.equal((await get('/v1/clusters/my-prod/plan', reader)).status, 200)
})

type Listed = {
  readonly clusters: readonly { readonly cluster: string; readonly state: string; readonly says: string }[]
}
const lists: [why: string, who: string, wants: readonly string[]][] = [
  ['who may read everything', reader, ['my-prod', 'other-prod']],
  ['who may read one cluster', prods, ['my-prod']],
  ['a reader of one source', webReader, ['my-prod']],
  ['who may deploy and not read', ci, []],
]
for (const [why, who, wants] of lists)
  test(`clusters: ${why}`, async () => {
    const { body } = await get('/v1/clusters', who)
    const { clusters } = body as unknown as Listed
    assert.deepEqual(
      clusters.map(({ cluster }) => cluster),
      wants,
    )
    for (const { state, says } of clusters) {
      assert.equal(state, 'unseen')
      assert.equal(says === 'it is unseen', who === webReader, says)
    }
  })
