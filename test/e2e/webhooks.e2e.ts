/**
 * Every vendor, by the same tests: what its payloads say, what proves them, that a retry is a retry, that an ordinary
 * event is no failure, and that no shape of a body is one either. A vendor that lacks a payload fails here.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { FastifyInstance } from 'fastify'
import type { Cluster } from '../../src/release/ids.ts'
import { printImage } from '../../src/release/image.ts'
import type { Artifact, Hook, Vendor } from '../../src/request/hook.ts'
import { hear } from '../../src/request/hook-hear.ts'
import { vendors } from '../../src/request/hook-vendors.ts'
import type { Stamped } from '../../src/server/caller.ts'
import { hookOf, id, next, office, openDoor, secret } from '../webhooks/door.ts'
import { type Golden, golden, proof } from '../webhooks/golden.ts'
import { mangled } from '../webhooks/mangled.ts'

const runs = Number(process.env['MGO_FUZZ_RUNS'] ?? 15)

type Door = { readonly app: FastifyInstance; readonly hook: string; readonly kept: Stamped[]; readonly moved: string[] }

let doors = 0

/** The server's door with one hook, which takes every image that the vendor's payloads name. */
function door(vendor: Vendor, change: Partial<Hook> = {}): Door {
  const names = golden.flatMap((one) => (one.vendor === vendor.name ? pushes(one).map(fullName) : []))
  const images = [...new Set(names)].map((name) => ({
    repository: name,
    image: `pulled/${name.split('/').at(-1)}`,
    source: 'github.com/acme/shop',
    clusters: ['one', 'two'] as Cluster[],
    tags: { kind: 'any' } as const,
    resolve: false,
  }))
  const hook = hookOf(vendor.name, { name: `shop-${doors++}`, images, ...change })
  const [kept, moved]: [Stamped[], string[]] = [[], []]
  const app = openDoor({
    hooks: [hook],
    accept: async (asking, once) => {
      const accepted = await office.desk.accept(asking, once)
      if (accepted.kind === 'new') kept.push(asking)
      return accepted
    },
    moved: (branches) => {
      moved.push(...branches)
      return undefined
    },
    warn: (text) => assert.fail(text),
  })
  return { app, hook: `hook ${hook.name}`, kept, moved }
}

function pushes({ heard }: Golden): readonly Artifact[] {
  return heard.kind === 'pushed' ? heard.artifacts : []
}

function fullName({ registry, repository }: Artifact): string {
  return registry === undefined ? repository : `${registry}/${repository}`
}

type Answer = { readonly status: number; readonly body: Record<string, unknown> }

async function send(
  { app }: Door,
  path: string,
  sent: { readonly headers: Readonly<Record<string, string>>; readonly body: string | Buffer },
): Promise<Answer> {
  const headers = { host: 'localhost', 'content-type': 'application/json', ...sent.headers }
  const got = await app.inject({ method: 'POST', url: path, headers, payload: sent.body })
  return { status: got.statusCode, body: got.json() as Record<string, unknown> }
}

async function deliver(to: Door, vendor: Vendor, one: Pick<Golden, 'headers' | 'body'>): Promise<Answer> {
  const body = JSON.stringify(one.body)
  const [way = { kind: 'path' }] = vendor.proofs
  return send(to, `/webhooks/${vendor.name}/${id}`, { headers: { ...one.headers, ...proof(way, body, secret) }, body })
}

for (const one of golden) {
  test(`the payload ${one.vendor}.${one.name} says what it says`, () => {
    const vendor = vendors.find(({ name }) => name === one.vendor)
    assert.ok(vendor !== undefined)
    const heard = hear(vendor, { headers: one.headers, body: one.body })
    assert.deepEqual(JSON.parse(JSON.stringify(heard)), one.heard)
  })
}

for (const vendor of vendors) {
  const payloads = golden.filter((one) => one.vendor === vendor.name)
  const loud = payloads.filter(({ heard: { kind } }) => kind === 'pushed' || kind === 'moved')
  const [first] = loud
  assert.ok(first !== undefined, `${vendor.name} has no payload that asks for something`)
  const path = `/webhooks/${vendor.name}/${id}`
  const body = JSON.stringify(first.body)

  describe(vendor.title, () => {
    test('every tag of every event is deployed to every cluster', async () => {
      for (const one of loud) {
        const to = door(vendor)
        const got = await deliver(to, vendor, one)
        assert.equal(got.status, 202, JSON.stringify(got.body))
        if (one.heard.kind === 'moved') assert.deepEqual(to.moved, one.heard.branches)
        const wanted = pushes(one).flatMap(({ repository, tag }) =>
          ['one', 'two'].map((cluster) => `${cluster} pulled/${repository.split('/').at(-1)}:${tag}`),
        )
        assert.deepEqual(
          to.kept.map(({ cluster, image }) => `${cluster} ${printImage(image)}`),
          wanted,
        )
      }
    })

    test('who asks is the hook; who pushed is a claim', async () => {
      const to = door(vendor)
      await deliver(to, vendor, first)
      for (const { principal, author, verifiedBy } of to.kept) {
        assert.equal(principal, to.hook)
        assert.deepEqual(author, { name: to.hook, email: '' })
        assert.match(verifiedBy ?? '', new RegExp(`^${to.hook} of ${vendor.name}, by `))
      }
    })

    test('what is not proven is refused, and changes nothing', async () => {
      const to = door(vendor)
      const bad: [string, Record<string, string>][] = [['another address', {}]]
      const ways = vendor.proofs.filter(({ kind }) => kind !== 'path')
      if (ways.length > 0) bad.push(['no proof', {}])
      for (const way of ways) {
        const { kind } = way
        bad.push([`${kind}, another secret`, proof(way, body, kind === 'oidc' ? '' : 'another secret')])
        if (kind === 'hmac' || kind === 'standard') {
          bad.push([`${kind} of another body`, proof(way, `${body} `, secret)])
          bad.push([`${kind}, cut off`, cut(proof(way, body, secret))])
        }
      }
      bad.push(['an old SHA-1', { 'x-hub-signature': 'sha1=0000000000000000000000000000000000000000' }])
      for (const [why, headers] of bad) {
        const known = why === 'another address' || (ways.length === 0 && why === 'an old SHA-1')
        const got = await send(to, known ? `/webhooks/${vendor.name}/another-id-of-the-same-length` : path, {
          headers: { ...first.headers, ...headers },
          body,
        })
        assert.equal(got.status, known ? 404 : 401, why)
      }
      assert.deepEqual([to.kept, to.moved], [[], []])
    })

    test('every way to prove it is good enough, with either of two secrets', async () => {
      for (const way of vendor.proofs)
        for (const key of [secret, next]) {
          const headers: Record<string, string> = { ...first.headers, ...proof(way, body, key) }
          const got = await send(door(vendor), path, { headers, body })
          assert.equal(got.status, 202)
        }
    })

    test('a delivery that comes again is the same deploy', async () => {
      for (const one of loud) {
        const to = door(vendor)
        const before = await deliver(to, vendor, one)
        const kept = to.kept.length
        // A replay may change every header but the one that is signed.
        const headers = { ...one.headers, 'x-github-delivery': 'other', 'x-gitea-delivery': 'other', 'ce-id': 'other' }
        for (const again of [one, { ...one, headers }]) {
          const got = await deliver(to, vendor, again)
          assert.equal(got.status, 202)
          assert.deepEqual(ids(got), ids(before))
        }
        assert.equal(to.kept.length, kept)
      }
    })

    test('an ordinary event is a 2xx that says why nothing was done', async () => {
      const nobodys = door(vendor, { images: [] })
      for (const one of payloads.filter(({ heard: { kind } }) => kind === 'pushed' || kind === 'ignored')) {
        const got = await deliver(nobodys, vendor, one)
        assert.equal(got.status, 200, `${one.name}: ${JSON.stringify(got.body)}`)
        assert.equal(got.body['status'], 'ignored')
        const [passed] = (got.body['ignored'] ?? []) as { readonly why: string }[]
        assert.ok((got.body['why'] ?? passed?.why) !== undefined)
      }
      assert.deepEqual(nobodys.kept, [])
    })

    test('no shape of a body is more than a 4xx', async () => {
      const to = door(vendor)
      await fc.assert(
        fc.asyncProperty(mangled(first.body), async (odd) => {
          const got = await deliver(to, vendor, { headers: first.headers, body: odd })
          assert.ok([200, 202, 400].includes(got.status), `${got.status} for ${JSON.stringify(odd)}`)
        }),
        { numRuns: runs },
      )
    })
  })
}

function cut(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value.slice(0, -1)]))
}

function ids({ body }: Answer): unknown {
  return ((body['deploys'] ?? []) as { readonly id: string }[]).map((one) => one.id)
}
