import assert from 'node:assert/strict'
import { test } from 'node:test'
import { breath } from './breath.ts'

/** A clock whose turns of others take as long as the list says, and then none. */
function clockOf(...turns: number[]) {
  let [at, slept] = [0, 0]
  const sleep = async (): Promise<void> => {
    slept++
    at += turns.shift() ?? 0
  }
  return { now: () => at, sleep, work: (ms: number) => (at += ms), slept: () => slept }
}

const cases: [name: string, workMs: number, turns: number[], slept: number][] = [
  ['short work goes on', 9, [], 0],
  ['long work gives one turn where nobody has much to do', 10, [1, 50], 1],
  ['a turn that took long is followed by another', 10, [20, 20, 1, 20], 3],
  ['the work is not held up for good', 10, Array.from({ length: 1_000 }, () => 20), 5],
  ['one very long turn is enough', 10, [500, 500], 1],
]
for (const [name, workMs, turns, slept] of cases)
  test(name, async () => {
    const clock = clockOf(...turns)
    const pause = breath(clock)
    clock.work(workMs)
    await pause()
    assert.equal(clock.slept(), slept)
  })

test('after a pause the work has its time again', async () => {
  const clock = clockOf(1, 1)
  const pause = breath(clock)
  for (let i = 0; i < 4; i++) {
    clock.work(6)
    await pause()
  }
  assert.equal(clock.slept(), 2)
})
