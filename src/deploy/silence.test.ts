import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Event } from '../event/event.ts'
import type { Cluster } from '../release/ids.ts'
import { whileSilent } from './silence.ts'

/** A clock whose sleeps end when their time comes. */
function clockwork() {
  let now = 0
  const open = new Set<{ readonly at: number; readonly ring: () => void }>()
  return {
    clock: {
      now: () => now,
      id: () => assert.fail(),
      sleep: (ms: number, signal?: AbortSignal) =>
        new Promise<void>((resolve) => {
          const one = { at: now + ms, ring: resolve }
          open.add(one)
          signal?.addEventListener('abort', () => (open.delete(one), resolve()))
        }),
    },
    open: () => open.size,
    pass: async (ms: number) => {
      for (const end = now + ms; now < end; ) {
        now += 1_000
        for (const one of [...open].filter(({ at }) => at <= now)) {
          open.delete(one)
          one.ring()
        }
        await new Promise((resolve) => setImmediate(resolve))
      }
    },
  }
}

test('whoever waits for a silent cluster hears so, each of their releases, until it answers', async () => {
  const { clock, open, pass } = clockwork()
  const told: string[] = []
  const tell = (event: Event) => void told.push(event.kind === 'waiting' ? `${event.unit} ${event.reason}` : event.kind)
  const world = { clock, tell }
  const work = Promise.withResolvers<string>()
  const answer = whileSilent(work.promise, { cluster: 'prod' as Cluster, units: ['app/web', 'app/api'], world })
  await pass(4_000)
  assert.deepEqual(told, [], 'a cluster that is well answers before')
  await pass(2_000)
  assert.deepEqual(
    told,
    ['app/web', 'app/api'].map((unit) => `${unit} the API server of prod has not answered for 5 s; the commit is made`),
  )
  await pass(60_000)
  assert.equal(told.length, 6, 'and twice a minute from then on')
  work.resolve('here')
  assert.equal(await answer, 'here')
  assert.equal(open(), 0, 'no timer is left')
  await pass(60_000)
  assert.equal(told.length, 6)
})

test('a cluster that fails ends it as well', async () => {
  const { clock, open } = clockwork()
  const world = { clock, tell: () => assert.fail() }
  const failed = whileSilent(Promise.reject(new Error('refused')), { cluster: 'prod' as Cluster, units: ['a'], world })
  await assert.rejects(failed, /refused/)
  assert.equal(open(), 0)
})
