import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ear } from './hearing.ts'

const server = 'https://127.0.0.1:6443'

/** An ear, and a clock that is moved by hand. */
function begin() {
  let nowMs = 1_000
  const { hears, heard } = ear(server, () => nowMs)
  const ask = (signal?: AbortSignal) => {
    const answer = Promise.withResolvers<string>()
    const done = hears(answer.promise, signal).catch(() => undefined)
    return { answer: () => (answer.resolve('yes'), done), fail: (why: string) => (answer.reject(new Error(why)), done) }
  }
  return { heard, ask, at: (ms: number) => void (nowMs = ms) }
}

test('a server that answers is heard, and nothing is open', async () => {
  const { heard, ask, at } = begin()
  assert.deepEqual(heard(), { heardAt: undefined, silentSince: undefined, why: undefined })
  const one = ask()
  at(1_200)
  assert.equal(heard().silentSince, 1_000, 'until then it has said nothing since it was asked')
  await one.answer()
  assert.deepEqual(heard(), { heardAt: 1_200, silentSince: undefined, why: undefined })
})

test('who cannot be reached is silent since the first time, until any answer', async () => {
  const { heard, ask, at } = begin()
  await ask().fail('refused')
  at(9_000)
  await ask().fail('refused again')
  assert.equal(heard().silentSince, 1_000)
  assert.match(heard().why ?? '', /127\.0\.0\.1:6443 cannot be reached: Error: refused again/)
  await ask().answer()
  assert.deepEqual(heard(), { heardAt: 9_000, silentSince: undefined, why: undefined })
})

test('one slow answer beside others is no silence of before them', async () => {
  const { heard, ask, at } = begin()
  ask()
  at(40_000)
  await ask().answer()
  at(41_000)
  assert.equal(heard().silentSince, 40_000)
})

test('who goes away soon has found out nothing, who waited long has', async () => {
  const { heard, ask, at } = begin()
  const soon = new AbortController()
  const first = ask(soon.signal)
  at(2_000)
  soon.abort()
  await first.fail('aborted')
  assert.deepEqual(heard(), { heardAt: undefined, silentSince: undefined, why: undefined })
  const late = new AbortController()
  const second = ask(late.signal)
  at(20_000)
  late.abort()
  await second.fail('aborted')
  assert.deepEqual(heard(), { heardAt: undefined, silentSince: 2_000, why: `the API server ${server} gives no answer` })
})
