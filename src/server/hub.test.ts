import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Told } from '../event/event.ts'
import { openHub } from './hub.ts'
import type { Numbered } from './memory.ts'
import { patience } from './patience.ts'

/** A hub whose time is in the test's hands: `pass` ends the pauses that are open. */
function opened() {
  const kept: Numbered[] = []
  const pauses = new Set<() => void>()
  const sleep = (_: number, signal?: AbortSignal) =>
    new Promise<void>((resolve) => {
      const done = () => {
        pauses.delete(done)
        resolve()
      }
      pauses.add(done)
      signal?.addEventListener('abort', done)
      if (signal?.aborted === true) done()
    })
  const waits = patience({ sleep })
  const memory = {
    append: async (told: readonly Told[]) => told.map((one) => kept.push({ seq: kept.length + 1, told: one })),
    eventsAfter: async (after: number, _: object, limit: number) => kept.slice(after, after + limit),
    firstEvent: async () => undefined,
    lastEvent: async () => kept.length,
  }
  const hub = openHub({ memory, waits, warn: (text) => assert.fail(text) })
  const tell = (count: number) => {
    for (let i = 0; i < count; i++) hub.told({ kind: 'note', text: 'hello', at: 0 })
  }
  const pass = () => {
    for (const done of pauses) done()
  }
  return { ...hub, tell, pass, end: () => waits.end() }
}

const settled = async () => {
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve))
}

/** Follows from the beginning; `got` are the numbers of what came at once. */
function followed(hub: ReturnType<typeof opened>, stop = new AbortController()) {
  const got: (readonly number[])[] = []
  const over = (async () => {
    for await (const some of hub.follow(0, {}, stop.signal)) got.push(some.map(({ seq }) => seq))
  })()
  return { got, over, stop }
}

test('the first event after a rest comes at once, those of the next moments together', async () => {
  const hub = opened()
  const { got, over } = followed(hub)
  await settled()
  hub.tell(1)
  await settled()
  hub.tell(2)
  await settled()
  hub.tell(1)
  await settled()
  assert.deepEqual(got, [[1]])
  hub.pass()
  await settled()
  assert.deepEqual(
    got.filter((some) => some.length > 0),
    [[1], [2, 3, 4]],
  )
  hub.end()
  await over
})

test('a long absence is read page by page, from memory and from the disk, without a gap', async () => {
  for (const count of [950, 1_500]) {
    const hub = opened()
    hub.tell(count)
    await hub.idle()
    const { got, over, stop } = followed(hub)
    await settled()
    stop.abort()
    await over
    assert.deepEqual(
      got.flat(),
      Array.from({ length: count }, (_, i) => i + 1),
    )
    assert.ok(got.every((some) => some.length <= 200))
  }
})

test('a follower hears all of what a server that goes down has told, and then its end', async () => {
  const hub = opened()
  const { got, over } = followed(hub)
  await settled()
  hub.tell(450)
  hub.end()
  await over
  assert.equal(got.flat().length, 450)
})

test('nothing for a while is told, too', async () => {
  const hub = opened()
  const { got, over, stop } = followed(hub)
  await settled()
  hub.pass()
  await settled()
  assert.deepEqual(got, [[]])
  stop.abort()
  await over
})
