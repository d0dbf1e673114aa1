import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lanes } from './lane.ts'

const tick = () => new Promise((resolve) => setImmediate(resolve))

test('the same key goes one after the other, also after a failure; other keys go beside it', async () => {
  const lane = lanes(4)
  const log: string[] = []
  const work =
    (name: string, fail = false) =>
    async () => {
      log.push(`${name} begins`)
      await tick()
      log.push(`${name} ends`)
      if (fail) throw new Error(name)
    }
  const all = await Promise.allSettled([lane('a', work('a1', true)), lane('a', work('a2')), lane('b', work('b1'))])
  assert.deepEqual(
    all.map((one) => one.status),
    ['rejected', 'fulfilled', 'fulfilled'],
  )
  assert.ok(log.indexOf('a2 begins') > log.indexOf('a1 ends'))
  assert.ok(log.indexOf('b1 begins') < log.indexOf('a1 ends'))
})

test('never more than the width at once', async () => {
  const lane = lanes(3)
  let now = 0
  let most = 0
  const work = async () => {
    most = Math.max(most, ++now)
    await tick()
    now--
  }
  await Promise.all(Array.from({ length: 20 }, (_, i) => lane(`k${i}`, work)))
  assert.equal(most, 3)
})
