/**
 * Hooks that take signed tokens, with a real issuer on loopback: Pub/Sub's pushes, and a generic sender.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { fetchJson } from '../../src/config/fetch-json.ts'
import type { Cluster } from '../../src/release/ids.ts'
import { tokenVerifier } from '../../src/server/oidc.ts'
import { startIssuer } from '../issuer.ts'
import { hookOf, id, office, openDoor } from '../webhooks/door.ts'
import { golden } from '../webhooks/golden.ts'

const audience = 'https://mgo.example.com'
const email = 'mgo-push@acme.iam.gserviceaccount.com'
const [issuer, stranger] = await Promise.all([startIssuer(audience), startIssuer(audience)])
after(() => Promise.all([issuer.close(), stranger.close()]))

const image = 'europe-docker.pkg.dev/acme/images/shop'
const app = openDoor({
  hooks: [
    hookOf('gar', {
      oidc: { issuer: issuer.url, audience, email },
      images: [
        {
          repository: image,
          image,
          source: 'github.com/acme/shop',
          resolve: false,
          clusters: ['prod'] as Cluster[],
          tags: { kind: 'any' },
        },
      ],
    }),
  ],
  verify: tokenVerifier({
    fetchJson,
    clock: { now: () => Date.now(), sleep: async () => undefined },
    warn: () => undefined,
  }),
})
const payload = golden.find((one) => one.vendor === 'gar' && one.name === 'insert')?.body as object

async function push(token: string | undefined): Promise<number> {
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const headers = { host: 'localhost', 'content-type': 'application/json', ...authorization }
  return (await app.inject({ method: 'POST', url: `/webhooks/gar/${id}`, headers, payload })).statusCode
}

const account = { sub: '1135\n7', email, email_verified: true }
const bad: [why: string, token: () => Promise<string>][] = [
  ['another account at Google', () => issuer.sign({ ...account, email: 'eve@evil.iam.gserviceaccount.com' })],
  ['an address that nobody verified', () => issuer.sign({ ...account, email_verified: false })],
  ['no address', () => issuer.sign({ sub: '1135' })],
  ['a token for somebody else', () => issuer.sign({ ...account, aud: 'https://other.example.com' })],
  ['a token of another issuer', () => stranger.sign(account)],
  ['another issuer, under this name', () => stranger.sign({ ...account, iss: issuer.url })],
  ['an old token', () => issuer.sign({ ...account, iat: 1_000, exp: 2_000 })],
  ['a token without an end', () => issuer.sign({ ...account, exp: undefined } as never)],
]
for (const [why, token] of bad) {
  test(`${why}: 401`, async () => assert.equal(await push(await token()), 401))
}

test('no token at all: 401, and nothing was asked of a desk', async () => {
  assert.equal(await push(undefined), 401)
  assert.deepEqual(office.asked, [])
})

test('the account that the settings name: 202, and its name cannot break a commit message', async () => {
  assert.equal(await push(await issuer.sign(account)), 202)
  assert.deepEqual(
    office.asked.map(({ verifiedBy }) => verifiedBy),
    [`hook gar of gar, by oidc ${issuer.url} 1135_7`],
  )
})

test('an issuer that is away is no wrong token: the sender comes again', async () => {
  issuer.outage(true)
  await issuer.rotate()
  const status = await push(await issuer.sign(account))
  assert.ok(status >= 500, `${status}`)
})
