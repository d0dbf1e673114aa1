/**
 * Who is let in when: the loop's turns are run by hand.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { admission } from './admission.ts'

function line() {
  let now = 0
  let turns: (() => void)[] = []
  const entered: number[] = []
  const refused: string[] = []
  const door = admission({ now: () => now, later: (work) => void turns.push(work) })
  return {
    entered,
    refused,
    come: (first: number, last: number) => {
      for (let n = first; n <= last; n++)
        door.enter().then(
          () => entered.push(n),
          (error: { readonly code: string }) => refused.push(`${n} ${error.code}`),
        )
    },
    turn: async () => {
      const due = turns
      turns = []
      for (const work of due) work()
      await new Promise((resolve) => setImmediate(resolve))
    },
    pass: (ms: number) => {
      now += ms
    },
    isIdle: () => turns.length === 0,
  }
}

const upTo = (last: number) => Array.from({ length: last }, (_, i) => i + 1)

test('few enter at once', async () => {
  const { come, turn, entered, isIdle } = line()
  come(1, 3)
  await Promise.resolve()
  assert.deepEqual(entered, upTo(3))
  await turn()
  assert.ok(isIdle(), 'a server that has nothing to do does nothing')
})

test('many enter some at a time, in their order, and whoever comes later waits behind them', async () => {
  const { come, turn, entered } = line()
  come(1, 100)
  await Promise.resolve()
  assert.deepEqual(entered, upTo(32))
  await turn()
  assert.deepEqual(entered, upTo(64))
  come(101, 101)
  await turn()
  assert.deepEqual(entered, upTo(96))
  await turn()
  assert.deepEqual(entered, upTo(101))
  await turn()
  come(102, 102)
  await Promise.resolve()
  assert.deepEqual(entered, upTo(102))
})

test('where the line is not served, whoever comes is told so, and nobody who waits is sent away', async () => {
  const { come, turn, entered, refused, pass } = line()
  come(1, 40)
  pass(2_001)
  come(41, 41)
  await Promise.resolve()
  await Promise.resolve()
  assert.deepEqual(refused, ['41 OVERLOADED'])
  await turn()
  assert.deepEqual(entered, upTo(40))
})
