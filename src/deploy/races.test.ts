import assert from 'node:assert/strict'
import { test } from 'node:test'
import { requestId } from '../release/ids.ts'
import { busy, isEnough, pauseMs, type Tried } from './races.ts'

const tried = (more: Partial<Tried>): Tried => ({ pushes: 1, unclear: 0, held: 0, tookMs: 0, ...more })
const ids = Array.from({ length: 50 }, (_, i) => requestId(1_000 + i, new Uint8Array(16).fill(i)))

test('whoever lost a race tries again at once, and after three at another moment than others do', () => {
  for (const pushes of [1, 2]) assert.equal(pauseMs(ids[0], tried({ pushes })), 0)
  for (const pushes of [3, 4, 8, 500]) {
    const pauses = ids.map((id) => pauseMs(id, tried({ pushes })))
    const most = Math.min(250, 40 * 2 ** (pushes - 3))
    assert.ok(
      pauses.every((ms) => ms >= 0 && ms <= most),
      `${pushes}: ${pauses.join(' ')}`,
    )
    assert.ok(Math.max(...pauses) - Math.min(...pauses) > most / 2, 'they are spread')
  }
})

test('where nobody was first the pauses grow to a second', () => {
  const pauses = [1, 2, 3, 4, 5, 6, 7, 100].map((held) => pauseMs(ids[0], tried({ pushes: held, held })))
  assert.deepEqual(pauses, [40, 80, 160, 320, 640, 1_000, 1_000, 1_000])
})

test('only time ends lost races; answers that say nothing are counted', () => {
  assert.ok(!isEnough(tried({ pushes: 5_000, tookMs: 120_000 })))
  assert.ok(isEnough(tried({ tookMs: 120_001 })))
  assert.ok(!isEnough(tried({ pushes: 30, unclear: 23 })))
  assert.ok(isEnough(tried({ pushes: 30, unclear: 24 })))
  assert.match(
    busy('repo', tried({ pushes: 30, unclear: 24 })).message,
    /others were first at 6, the git server gave no clear answer to 24/,
  )
})
