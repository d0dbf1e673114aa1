import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exportJWK, type FlattenedJWSInput, generateKeyPair } from 'jose'
import { MgoError } from '../error.ts'
import { issuerKeys } from './keys.ts'

const { publicKey } = await generateKeyPair('RS256')
const jwk = await exportJWK(publicKey)
const url = 'https://ci.example.com'
const one = { name: 'ci', issuer: url, jwks: `${url}/keys`, audiences: ['mgo'], algorithms: ['RS256'], claims: {} }

/** An issuer whose time is ours: sleepers wake when it is put forward. */
function issuer() {
  let [now, reads, isDown] = [0, 0, false]
  let kids = ['old']
  let sleepers: { at: number; wake: () => void }[] = []
  const clock = {
    now: () => now,
    sleep: (ms: number) =>
      ms <= 0 ? Promise.resolve() : new Promise<void>((wake) => sleepers.push({ at: now + ms, wake })),
  }
  const fetchJson = async () => {
    reads++
    if (isDown) throw new Error('it is away')
    return { keys: kids.map((kid) => ({ ...jwk, kid, alg: 'RS256' })) }
  }
  const find = issuerKeys({ ...one, leewayMs: 0, maxAgeMs: 1 }, { fetchJson, clock, warn: () => undefined })
  return {
    find: (kid: string) =>
      find({ alg: 'RS256', kid }, {} as FlattenedJWSInput).then(
        () => 'found',
        (error: unknown) => (error instanceof MgoError ? error.code : (error as { code?: string }).code),
      ),
    /** Waits until whoever asked so far has its answer or sleeps. */
    settle: () => new Promise<void>((resolve) => setTimeout(resolve, 20)),
    forward: (ms: number) => {
      now += ms
      const due = sleepers.filter(({ at }) => at <= now)
      sleepers = sleepers.filter(({ at }) => at > now)
      for (const { wake } of due) wake()
    },
    rotate: (...next: string[]) => {
      kids = next
    },
    outage: (down: boolean) => {
      isDown = down
    },
    reads: () => reads,
  }
}

/** Uses up what may be read in a minute. */
async function flood({ find }: ReturnType<typeof issuer>): Promise<void> {
  for (let i = 0; i < 11; i++) assert.equal(await find(`forged-${i}`), 'ERR_JWKS_NO_MATCHING_KEY')
}

test('S17: forged key ids use reads up, and a new key of the issuer is taken all the same, a moment later', async () => {
  const ci = issuer()
  assert.equal(await ci.find('old'), 'found')
  await flood(ci)
  const forged = Array.from({ length: 100 }, (_, i) => ci.find(`more-${i}`))
  await ci.settle()
  ci.rotate('new')
  const honest = ci.find('new')
  await ci.settle()
  assert.equal(ci.reads(), 12)
  assert.equal(await ci.find('old'), 'found', 'known keys wait for nobody')
  ci.forward(5_000)
  assert.equal(await honest, 'found')
  assert.deepEqual([...new Set(await Promise.all(forged))], ['ERR_JWKS_NO_MATCHING_KEY'])
  assert.equal(ci.reads(), 13, 'one read for all of them')
})

test('S17: only so many wait; more hear that they may come again', async () => {
  const ci = issuer()
  await ci.find('old')
  await flood(ci)
  const forged = Array.from({ length: 300 }, (_, i) => ci.find(`more-${i}`))
  await ci.settle()
  ci.forward(5_000)
  const said = await Promise.all(forged)
  assert.equal(said.filter((code) => code === 'ISSUER_UNREACHABLE').length, 100)
  ci.rotate('new')
  const late = ci.find('new')
  await ci.settle()
  ci.forward(5_000)
  assert.equal(await late, 'found', 'who waited made room')
})

test('while the issuer is away nobody waits for it', async () => {
  const ci = issuer()
  ci.outage(true)
  for (let i = 0; i < 20; i++) assert.equal(await ci.find('old'), 'ISSUER_UNREACHABLE')
  assert.equal(ci.reads(), 12)
  ci.outage(false)
  ci.forward(5_000)
  assert.equal(await ci.find('old'), 'found')
})
