/**
 * The laws that every parser obeys, whatever the body is. `MGO_FUZZ_RUNS=100000` looks longer.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Cluster } from '../release/ids.ts'
import type { HookImage } from './hook.ts'
import { at, hostOf, splitImage, textAt } from './hook-fields.ts'
import { match } from './hook-match.ts'
import type { TagPolicy } from './hook-tags.ts'
import { vendorOf, vendors } from './hook-vendors.ts'

const numRuns = Number(process.env['MGO_FUZZ_RUNS'] ?? 300)
/** The words that parsers look for, so that chance finds their branches. */
const words =
  'action push target repository tag digest events type package ref refs/heads/main push_data message data images image updated_tags resources ' +
  'event_data PUSH_ARTIFACT component asset format docker name version CREATED published changes subject id'
const key = fc.oneof(
  fc.constantFrom(...words.split(' ')),
  fc.constantFrom('__proto__', 'constructor', 'toString', ''),
  fc.string(),
)
const leaf = fc.oneof(
  fc.constantFrom(...words.split(' ')),
  fc.string(),
  fc.constantFrom(null, true, 0, -1, 1e308, 'eyJhIjoxfQ=='),
)
const json = fc.letrec<{ readonly value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'medium', withCrossShrink: true },
    leaf,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.array(fc.tuple(key, tie('value')), { maxLength: 5 }).map((pairs) => Object.fromEntries(pairs) as unknown),
  ),
})).value
const header = fc.constantFrom('package', 'registry_package', 'push', 'repo:push', 'repo:refs_changed', 'Push Hook', '')

for (const vendor of vendors) {
  test(`${vendor.name}: no body is too odd to be heard`, () => {
    fc.assert(
      fc.property(json, header, (body, event) => {
        const headers = {
          'x-github-event': event,
          'x-gitea-event': event,
          'x-gitlab-event': event,
          'x-event-key': event,
        }
        const heard = vendor.read({ headers, body })
        if (heard.kind === 'pushed') {
          assert.ok(heard.artifacts.length > 0)
          for (const { repository, tag } of heard.artifacts) assert.ok(repository !== '' && tag !== '')
        }
        const id = vendor.delivery?.(body)
        assert.ok(id === undefined || id !== '')
      }),
      { numRuns },
    )
  })
}

test('a reference without letters is no image', () => {
  const generic = vendorOf('generic')
  for (const image of [':', '@', 'a:', ':v1', ''])
    assert.notEqual(generic?.read({ headers: {}, body: { image } }).kind, 'pushed', image)
})

test('names are lower case and unique, since they stand in addresses', () => {
  assert.deepEqual(
    vendors.filter(({ name }) => !/^[a-z]+$/.test(name) || vendorOf(name)?.name !== name),
    [],
  )
  assert.equal(new Set(vendors.map(({ name }) => name)).size, vendors.length)
})

test('huge and deep bodies take no time', () => {
  const many = Array.from({ length: 1_000_000 }, () => ({ action: 'pull' }))
  const deep = JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`) as unknown
  for (const vendor of vendors)
    for (const body of [{ events: many, commits: many, ref: 'refs/heads/main' }, { events: deep }, deep]) {
      const begun = process.cpuUsage().user
      vendor.read({ headers: { 'x-github-event': 'push', 'x-gitea-event': 'push' }, body })
      assert.ok(process.cpuUsage().user - begun < 1_500_000, vendor.name)
    }
})

test('fields are read from what is there, and from nothing else', () => {
  const odd = JSON.parse('{"__proto__": {"tag": "v1"}, "a": {"b": "c"}, "list": [{"b": 1}]}') as unknown
  assert.equal(textAt(odd, 'tag'), undefined)
  assert.equal(textAt(odd, 'a', 'b'), 'c')
  for (const path of [['toString'], ['a', 'constructor'], ['list', '0'], ['list', 'length'], ['a', 'b', '0']])
    assert.equal(at(odd, ...path), undefined, path.join('.'))
  assert.equal(textAt({ a: 'x'.repeat(1_025) }, 'a'), undefined)
})

const hosts: [text: string | undefined, want: string | undefined][] = [
  ['https://acme.jfrog.io', 'acme.jfrog.io'],
  ['harbor.example.com:8443/acme/shop:v1', 'harbor.example.com:8443'],
  ['localhost/acme', 'localhost'],
  ['acme/shop', undefined],
  ['user@evil.example.com/x', undefined],
  [undefined, undefined],
]
for (const [text, want] of hosts) {
  test(`hostOf: ${text}`, () => assert.equal(hostOf(text), want))
}

test('splitImage: a colon before a slash is a port', () => {
  assert.deepEqual(splitImage('localhost:5000/app:v1@sha256:aa'), {
    name: 'localhost:5000/app',
    tag: 'v1',
    digest: 'sha256:aa',
  })
  assert.deepEqual(splitImage('localhost:5000/app'), { name: 'localhost:5000/app' })
})

function imageOf(repository: string, clusters: string[]): HookImage {
  const policy: TagPolicy = { kind: 'any' }
  return { repository, image: repository, source: 's', clusters: clusters as Cluster[], tags: policy, resolve: false }
}

const names: [pushed: { registry?: string; repository: string }, named: string, want: boolean, why: string][] = [
  [{ registry: 'ghcr.io', repository: 'acme/shop' }, 'ghcr.io/acme/shop', true, 'the same'],
  [{ registry: 'GHCR.io', repository: 'acme/shop' }, 'ghcr.io/acme/shop', true, 'hosts have no case'],
  [{ registry: 'docker.io', repository: 'acme/shop' }, 'acme/shop', true, 'Docker Hub needs no host'],
  [{ registry: 'index.docker.io', repository: 'redis' }, 'docker.io/library/redis', true, 'its own images'],
  [{ repository: 'acme/shop' }, 'acme/shop', true, 'a payload without a host'],
  [{ registry: 'evil.example.com', repository: 'acme/shop' }, 'acme/shop', false, 'another host'],
  [{ registry: 'ghcr.io', repository: 'acme/shop' }, 'ghcr.io/acme/shop-extra', false, 'a longer name'],
  [{ repository: 'ghcr.io/acme/shop' }, 'ghcr.io/acme/shop', true, 'a host within the name'],
]
for (const [pushed, repository, want, why] of names) {
  test(`match: ${why}`, () => {
    const got = match([{ ...pushed, tag: 'v1' }], { images: [imageOf(repository, ['a'])], registry: undefined })
    assert.equal(got.wanted.length === 1, want)
    assert.equal(got.ignored.length === 0, want)
  })
}

test('match: a tag that is none, and the same tag twice', () => {
  const hook = { images: [imageOf('a/b', ['a', 'b'])], registry: undefined }
  const got = match(
    ['v1', 'v1', 'v1\nreplicas: 9', '{{ x }}', '-x'].map((tag) => ({ repository: 'a/b', tag })),
    hook,
  )
  assert.deepEqual(
    got.wanted.map(({ cluster, tag }) => `${cluster} ${tag}`),
    ['a v1', 'b v1'],
  )
  assert.equal(got.ignored.length, 3)
})
