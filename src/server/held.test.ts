import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MgoError } from '../error.ts'
import type { HeldOutcome, HeldPush } from '../release/held.ts'
import { type Cluster, requestId } from '../release/ids.ts'
import { openWaitingRoom, type WaitingRoomOptions } from './held.ts'
import { patience } from './patience.ts'

/** A room whose time is in the test's hands: pauses end at once, and each moves the clock. */
function room(again: (push: HeldPush) => Promise<HeldOutcome>, more: Partial<WaitingRoomOptions> = {}) {
  let [now, ids] = [1_000_000, 0]
  const ended = new Map<string, HeldOutcome>()
  const warned: string[] = []
  const kept: HeldPush[] = []
  const clock = {
    now: () => now,
    id: () => requestId(++ids, new Uint8Array(16)),
    sleep: async (ms: number, signal?: AbortSignal) => {
      await new Promise((resolve) => setImmediate(resolve))
      if (signal?.aborted !== true) now += ms
    },
  }
  const waits = patience(clock)
  const opened = openWaitingRoom({
    memory: {
      hold: async (push) => {
        const known = kept.find(({ delivery }) => delivery === push.delivery)
        kept.push(known === undefined ? push : { ...known, until: push.until })
        return kept.at(-1) ?? push
      },
      pinned: async () => undefined,
      end: async (id, outcome) => void ended.set(id, outcome),
      find: async () => undefined,
      before: async () => undefined,
      open: async (after) => kept.filter(({ id }) => id > after),
      newest: async () => [],
      count: async () => kept.length,
    },
    again,
    clock,
    waits,
    warn: (text) => warned.push(text),
    chance: () => 0.5,
    patienceMs: () => 60_000,
    ...more,
  })
  const until = async (count: number) => {
    for (let i = 0; ended.size < count && i < 10_000; i++) await new Promise((resolve) => setImmediate(resolve))
    return [...ended.values()]
  }
  return { ...opened, until, warned, kept, now: () => now, end: () => waits.end() }
}
const holding = (tag: string, repository = 'acme/web') => ({
  hook: 'ci',
  how: 'hmac',
  delivery: tag,
  repository,
  tag,
  source: 's',
  cluster: 'prod' as Cluster,
})
const away = () => {
  throw new MgoError({ code: 'REGISTRY_UNREACHABLE', message: 'it is away', hint: 'Is it up?' })
}
const ignored: HeldOutcome = { kind: 'ignored', why: 'a test' }

test('one registry is asked by one push at a time, the oldest first, and the others follow at once', async () => {
  let tries = 0
  const asked: string[] = []
  const here = room(async ({ tag }) => {
    asked.push(tag)
    return ++tries < 4 ? away() : ignored
  })
  for (const tag of ['a', 'b', 'c']) await here.hold(holding(tag))
  assert.equal((await here.until(3)).length, 3)
  assert.deepEqual(asked, ['a', 'a', 'a', 'a', 'b', 'c'])
  assert.equal(here.now() - 1_000_000, 15_000, 'after 1, 2, 4 and 8 seconds')
  here.end()
})

test('a registry that is away holds up its own pushes only', async () => {
  const here = room(async ({ repository }) => (repository === 'dead/web' ? away() : ignored))
  await here.hold(holding('a', 'dead/web'))
  await here.hold(holding('b', 'live/web'))
  assert.deepEqual(
    (await here.until(2)).map(({ kind }) => kind),
    ['ignored', 'failed'],
  )
  here.end()
})

test('at its deadline a push fails with the cause, and is told once', async () => {
  const here = room(async () => away())
  await here.hold(holding('a'))
  const [outcome] = await here.until(1)
  assert.deepEqual(outcome, { kind: 'failed', code: 'REGISTRY_UNREACHABLE', why: 'it is away', hint: 'Is it up?' })
  assert.equal(here.now() - 1_000_000, 60_000, 'not later either')
  assert.equal(here.warned.length, 1)
  here.end()
})

test('a push that may wait for longer is given up later', async () => {
  const here = room(async () => {
    // Sent again, as another push, when half of the time is over.
    if (here.now() > 1_030_000 && here.kept.length === 1) await here.hold(holding('a'))
    return away()
  })
  await here.hold(holding('a'))
  await here.until(1)
  assert.ok(here.now() > 1_090_000, String(here.now()))
  here.end()
})

test('what an earlier process held is taken up, and nothing is held when it goes down', async () => {
  const here = room(async () => ignored)
  here.kept.push({ ...holding('a'), id: requestId(7, new Uint8Array(16)), at: 0, until: 2_000_000 })
  await here.begin()
  assert.equal((await here.until(1)).length, 1)
  here.end()
  await assert.rejects(here.hold(holding('b')), (error: MgoError) => error.code === 'OVERLOADED')
})
