import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lately } from './lately.ts'

const settle = () => new Promise((resolve) => setImmediate(resolve))

test('it is known while it is under way, and gone once it is settled', async () => {
  const notes = lately<string>()
  const over = notes.begin()
  const work = Promise.withResolvers<void>()
  notes.note('web', 'done', work.promise)
  over()
  assert.equal(notes.get('web'), 'done')
  work.resolve()
  await settle()
  assert.equal(notes.get('web'), undefined)
})

test('a round that looked before it was settled knows of it until it is over; one that looks later does not keep it', async () => {
  const notes = lately<string>()
  const first = notes.begin()
  const second = notes.begin()
  notes.note('web', 'done', Promise.resolve())
  await settle()
  first()
  assert.equal(notes.get('web'), 'done', 'the second looked before')
  const third = notes.begin()
  second()
  assert.equal(notes.get('web'), undefined, 'the third sees it on the cluster')
  third()
})

test('what failed is known as unclear; the newest note counts', async () => {
  const notes = lately<string>()
  const over = notes.begin()
  const slow = Promise.withResolvers<void>()
  notes.note('web', 'done', slow.promise)
  notes.note('web', 'unclear', Promise.reject(new Error('it failed')))
  await settle()
  assert.equal(notes.get('web'), 'unclear')
  over()
  assert.equal(notes.get('web'), undefined)
  slow.resolve()
  await settle()
  assert.equal(notes.get('web'), undefined)
})
