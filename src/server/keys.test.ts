import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exportJWK, generateKeyPair, jwtVerify, SignJWT } from 'jose'
import { MgoError } from '../error.ts'
import { issuerKeys } from './keys.ts'

const issuer = {
  name: 'ci',
  issuer: 'https://ci.example.com',
  audiences: ['mgo'],
  claims: {},
  algorithms: ['RS256'],
  leewayMs: 0,
  maxAgeMs: 3_600_000,
  jwks: 'https://ci.example.com/keys',
}

async function pair(kid: string) {
  const { privateKey, publicKey } = await generateKeyPair('RS256')
  const token = (id: string) => new SignJWT({}).setProtectedHeader({ alg: 'RS256', kid: id }).sign(privateKey)
  return { token, jwk: { ...(await exportJWK(publicKey)), kid, alg: 'RS256' } }
}

/** A clock that stands still but for those who sleep, and an issuer that counts who reads its keys. */
async function world() {
  const state = { now: 1_000_000, reads: 0, isDown: false, answer: Promise.resolve(), current: await pair('first') }
  const clock = {
    now: () => state.now,
    sleep: async (ms: number) => {
      await Promise.resolve()
      state.now += ms
    },
  }
  const fetchJson = async () => {
    state.reads++
    if (state.isDown) throw new Error('503')
    const keys = [state.current.jwk]
    await state.answer
    return { keys }
  }
  const keys = issuerKeys(issuer, { clock, fetchJson, warn: () => undefined })
  const isGood = (token: string) =>
    jwtVerify(token, keys).then(
      () => true,
      () => false,
    )
  /** What a token is refused with, where that is an error of ours. */
  const ask = (token: string) =>
    jwtVerify(token, keys).then(
      () => undefined,
      (error: unknown) => (error instanceof MgoError ? error : undefined),
    )
  return { state, isGood, ask }
}

test('S17: forged key ids take no read away from an honest rotation', async () => {
  const { state, isGood } = await world()
  assert.equal(await isGood(await state.current.token('first')), true)
  for (let i = 0; i < 30; i++) assert.equal(await isGood(await state.current.token(`made-up-${i}`)), false)
  state.current = await pair('second')
  const before = state.now
  assert.equal(await isGood(await state.current.token('second')), true)
  assert.ok(state.now - before <= 5_000, `it waited ${state.now - before} ms`)
})

test('S17: whatever key ids are sent, the issuer is read twelve times a minute after the first twelve', async () => {
  const { state, isGood } = await world()
  const begun = state.now
  for (let i = 0; i < 100; i++) assert.equal(await isGood(await state.current.token(`made-up-${i}`)), false)
  const minutes = (state.now - begun) / 60_000
  assert.ok(state.reads <= 12 + 12 * minutes + 1, `${state.reads} reads in ${minutes} minutes`)
  const tokens = await Promise.all(Array.from({ length: 50 }, (_, i) => state.current.token(`at-once-${i}`)))
  const before = state.reads
  assert.ok(!(await Promise.all(tokens.map(isGood))).includes(true))
  assert.ok(state.reads - before <= 2, 'those who wait share one read')
})

test('S17: a crowd of forged key ids is not held, and an honest token that was sent away gets in afterwards', async () => {
  const { state, isGood, ask } = await world()
  assert.equal(await isGood(await state.current.token('first')), true)
  const forged = await Promise.all(Array.from({ length: 300 }, (_, i) => state.current.token(`made-up-${i}`)))
  const gate = Promise.withResolvers<void>()
  state.answer = gate.promise
  const [first = '', ...others] = forged
  // One read is under way, and hangs: all that come now wait for the next one.
  const reading = isGood(first)
  while (state.reads < 2) await new Promise((resolve) => setImmediate(resolve))
  let waiting = 0
  const crowd = others.map((token) => {
    waiting++
    return ask(token).finally(() => waiting--)
  })
  state.current = await pair('second')
  const honest = await state.current.token('second')
  const sent = await ask(honest)
  assert.deepEqual([sent?.code, sent?.retryAfterMs], ['OVERLOADED', 5_000])
  assert.equal(waiting, 49)
  gate.resolve()
  assert.equal(await reading, false)
  await Promise.all(crowd)
  const before = state.reads
  assert.equal(await isGood(honest), true)
  assert.equal(state.reads, before, 'the read that was begun for it brought its key')
})

test('a read that began before a token came does not decide about it', async () => {
  const { state, isGood } = await world()
  assert.equal(await isGood(await state.current.token('first')), true)
  const [next, made] = [await pair('second'), await state.current.token('made-up')]
  const honest = await next.token('second')
  const gate = Promise.withResolvers<void>()
  state.answer = gate.promise
  const forged = isGood(made)
  while (state.reads < 2) await new Promise((resolve) => setImmediate(resolve))
  state.current = next
  const good = isGood(honest)
  await new Promise((resolve) => setImmediate(resolve))
  gate.resolve()
  assert.deepEqual([await forged, await good], [false, true])
})

test('an issuer that is away keeps nobody waiting', async () => {
  const { state, isGood } = await world()
  state.isDown = true
  const begun = state.now
  for (let i = 0; i < 30; i++) assert.equal(await isGood(await state.current.token('first')), false)
  assert.deepEqual([state.now - begun, state.reads], [0, 12])
})
