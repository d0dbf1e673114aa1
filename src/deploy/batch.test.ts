import assert from 'node:assert/strict'
import { test } from 'node:test'
import { batcher } from './batch.ts'

function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = () => undefined as void
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open: () => open() }
}

test('what arrives while a batch is under way is the next batch, and each asker gets their own answer', async () => {
  const batches: number[][] = []
  const first = gate()
  const line = batcher<number, number>(async (batch) => {
    batches.push([...batch])
    if (batches.length === 1) await first.opened
    return batch.map((n) => n * 10)
  })
  const one = line.submit(1)
  await new Promise((resolve) => setImmediate(resolve))
  const rest = [2, 3, 4].map((n) => line.submit(n))
  first.open()
  assert.deepEqual(await Promise.all([one, ...rest]), [10, 20, 30, 40])
  assert.deepEqual(batches, [[1], [2, 3, 4]])
})

test('a batch that fails fails its own askers and nobody later', async () => {
  let turn = 0
  const line = batcher<string, string>(async (batch) => {
    turn++
    if (turn === 1) throw new Error('no')
    return batch
  })
  await assert.rejects(line.submit('a'), /no/)
  assert.equal(await line.submit('b'), 'b')
})

test('a request of the last moment is not left behind', async () => {
  const line = batcher<number, number>(async (batch) => batch)
  for (let i = 0; i < 200; i++) assert.equal(await line.submit(i), i)
  await line.idle()
  assert.equal(line.waiting(), 0)
})
