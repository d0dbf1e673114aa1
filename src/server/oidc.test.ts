import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MgoError } from '../error.ts'
import { jobVerifier } from './oidc.ts'

const issuer = 'https://ci.example.com'
let fetched = 0
const verify = jobVerifier(
  [
    {
      name: 'ci',
      issuer,
      audiences: ['mgo'],
      algorithms: ['RS256'],
      claims: {},
      leewayMs: 0,
      maxAgeMs: 3_600_000,
    },
  ],
  {
    fetchJson: async () => {
      fetched++
      throw new Error('nothing is there')
    },
    clock: { now: () => 0, sleep: async () => undefined },
    warn: () => undefined,
  },
)

async function codeOf(token: string): Promise<string> {
  try {
    await verify(token)
    return 'taken'
  } catch (error) {
    assert.ok(error instanceof MgoError, String(error))
    return error.code
  }
}

const encode = (text: string) => Buffer.from(text).toString('base64url')
const part = fc.oneof(fc.string(), fc.base64String(), fc.json().map(encode), fc.string({ unit: 'binary' }).map(encode))
const seen = [
  'a.b.c',
  '..',
  'e30.e30.',
  'e30.bnVsbA.AA',
  `e30.${encode('{"iss":{}}')}.AA`,
  `e30.${encode('[['.repeat(4_000))}.A`,
]

test('whatever is sent as a token is refused as one, and nobody is asked for keys', async () => {
  for (const token of seen) assert.equal(await codeOf(token), 'UNAUTHORIZED', token.slice(0, 40))
  await fc.assert(
    fc.asyncProperty(fc.array(part, { maxLength: 5 }), async (parts) => {
      assert.equal(await codeOf(parts.join('.')), 'UNAUTHORIZED')
    }),
    { numRuns: Number(process.env['MGO_FUZZ_RUNS'] ?? 300) },
  )
  assert.equal(fetched, 0)
})

test('a claim that stands twice is found at any depth, and one that stands once never is', async () => {
  const claims = fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 5 })
  const said = async (payload: string) =>
    verify(`${encode('{"alg":"RS256"}')}.${encode(payload)}.AA`).then(
      () => 'taken',
      (error: unknown) => (error instanceof MgoError ? error.message : String(error)),
    )
  await fc.assert(
    fc.asyncProperty(claims, fc.string(), async (some, key) => {
      const { [key]: _, ...rest } = some
      const once = JSON.stringify({ ...rest, iss: 'https://else.example.com' })
      assert.match(await said(once), /no issuer of this server/)
      const inner = `{${JSON.stringify(key)}:1,"x y":[{}],${JSON.stringify(key)}:2}`
      assert.match(await said(once.replace(/^\{/, () => `{"in it":[${inner}],`)), /cannot be read/)
    }),
  )
})
