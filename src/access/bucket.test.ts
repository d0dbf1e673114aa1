import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Bucket, leftIn, spend, waitFor } from './bucket.ts'

const cases: [bucket: Bucket | undefined, now: number, perMinute: number, left: number, waitMs: number, why: string][] =
  [
    [undefined, 5_000, 60, 60, 0, 'nobody asked yet: it is full'],
    [{ left: 10, at: 5_000 }, 5_000, 60, 10, 0, 'no time has passed'],
    [{ left: 0, at: 0 }, 0, 60, 0, 1_000, 'empty: one comes back a second'],
    [{ left: 0, at: 0 }, 400, 60, 0.4, 600, 'a part of one is none'],
    [{ left: 0, at: 0 }, 1_000, 60, 1, 0, 'the one is back'],
    [{ left: 0, at: 0 }, 3_600_000, 60, 60, 0, 'an hour gives a minute’s worth, not more'],
    [{ left: 0, at: 90_000 }, 30_000, 60, 0, 1_000, 'a clock that was put back gives nothing'],
    [{ left: 60, at: 0 }, 0, 6, 6, 0, 'a limit that was lowered counts at once'],
    [{ left: 0, at: 0 }, 0, 1, 0, 60_000, 'one a minute'],
  ]
for (const [bucket, now, perMinute, left, waitMs, why] of cases) {
  test(`a bucket: ${why}`, () => {
    assert.equal(leftIn(bucket, { perMinute, now }), left)
    assert.equal(waitFor(bucket, { perMinute, now }), waitMs)
  })
}

test('a flood gets what the limit says and no more, and who waits as told is served', () => {
  const steps = fc.array(fc.integer({ min: 0, max: 5_000 }), { maxLength: 200 })
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 600 }), (waits, perMinute) => {
      let [bucket, now, served]: [Bucket | undefined, number, number] = [undefined, 0, 0]
      for (const ms of waits) {
        now += ms
        const wait = waitFor(bucket, { perMinute, now })
        assert.equal(waitFor(bucket, { perMinute, now: now + wait }), 0)
        if (wait === 0) served++
        bucket = spend(bucket, { perMinute, now })
        assert.ok(bucket.left >= 0)
      }
      assert.ok(served <= perMinute + (now * perMinute) / 60_000 + 1e-6)
    }),
  )
})
