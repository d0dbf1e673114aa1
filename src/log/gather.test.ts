import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { gathered } from './gather.ts'

test('lines of one turn go out in one piece and in their order', async () => {
  const out: string[] = []
  const { write } = gathered((text) => out.push(text))
  write('a\n')
  write('b\n')
  assert.deepEqual(out, [])
  await turn()
  assert.deepEqual(out, ['a\nb\n'])
  write('c\n')
  await turn()
  assert.deepEqual(out, ['a\nb\n', 'c\n'])
})

test('at the end of the process nothing waits for another turn', async () => {
  const out: string[] = []
  const { write, flush } = gathered((text) => out.push(text))
  write('last\n')
  flush()
  await turn()
  assert.deepEqual(out, ['last\n'])
})
