import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Principal } from '../access/principal.ts'
import type { Cluster } from '../release/ids.ts'
import { callers } from './caller.ts'
import { tries } from './tries.ts'

const token: Principal = { kind: 'token', name: 'ci', scopes: [] }

/** Time passes at once, and gives others their turn. */
const clock = { sleep: () => new Promise<void>((resolve) => setImmediate(resolve)) }

test('a stream is told when its credential stops counting', async () => {
  let counts = 3
  const over = new AbortController()
  const caller = callers(() => [], clock).known(token, { isGood: async () => counts-- > 0, over: over.signal })
  const ended = caller.ended()
  assert.equal(ended.aborted, false)
  await new Promise<void>((resolve) => ended.addEventListener('abort', () => resolve()))
  assert.equal(counts, -1)
})

test('a store that cannot be read ends streams, too', async () => {
  const over = new AbortController()
  const isGood = async () => Promise.reject(new Error('disk'))
  const ended = callers(() => [], clock)
    .known(token, { isGood, over: over.signal })
    .ended()
  await new Promise<void>((resolve) => ended.addEventListener('abort', () => resolve()))
})

test('when the stream is over nobody looks any more', async () => {
  let looks = 0
  const over = new AbortController()
  over.abort()
  const isGood = async () => ++looks > 0
  callers(() => [], clock)
    .known(token, { isGood, over: over.signal })
    .ended()
  for (let i = 0; i < 5; i++) await clock.sleep()
  assert.equal(looks, 0)
})

test('claims that git could not store give way to the principal’s name', () => {
  const odd: Principal = { kind: 'token', name: 'ci', scopes: [], author: 'E\nve' }
  const policy = [
    { name: 'r', who: { token: 'ci' }, may: ['deploy' as const], clusters: ['a'], sources: ['**'], images: ['**'] },
  ]
  const stamped = callers(() => policy, clock)
    .known(odd)
    .stamp({
      cluster: 'a' as Cluster,
      source: 's',
      image: { repository: 'r', tag: 't', digest: undefined },
      author: { name: 'Ada', email: '' },
    })
  assert.deepEqual(stamped.author, { name: 'token ci', email: '' })
  assert.equal(stamped.claimedAuthor, 'Ada')
})

test('where nobody has to say who they are, nothing is written on the request', () => {
  const asked = {
    cluster: 'a' as Cluster,
    source: 's',
    image: { repository: 'r', tag: 't', digest: undefined },
    author: { name: 'Ada', email: '' },
  }
  assert.equal(
    callers(() => [], clock)
      .anybody()
      .stamp(asked),
    asked,
  )
})

test('tries come back with time, and only so many keys are remembered', () => {
  let [now, limit] = [0, 2]
  const some = tries(() => limit, { now: () => now })
  assert.deepEqual([some.spend('a'), some.spend('a'), some.spend('a'), some.spend('b')], [0, 0, 30_000, 0])
  now = 30_000
  assert.equal(some.wait('a'), 0)
  assert.deepEqual([some.spend('a'), some.spend('a')], [0, 30_000])
  limit = 4
  assert.equal(some.wait('a'), 15_000, 'a limit that was raised counts at once')
  now = 0
  assert.equal(some.spend('a'), 15_000, 'a clock that is put back gives nothing')
  for (let i = 0; i < 20_001; i++) some.spend(`x${i}`)
  assert.equal(some.wait('a'), 0, 'the oldest was forgotten')
})
