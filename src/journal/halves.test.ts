import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { ask, same, verdict } from '../../test/journal.ts'
import type { Told } from '../event/event.ts'
import { openJournal } from './journal.ts'

const folder = mkdtempSync(join(tmpdir(), 'mgo-halves-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const [first, second, third] = [ask(1_000), ask(2_000), ask(3_000)]
const finished = (request: typeof first, word: 'healthy' | 'failed' = 'healthy'): Told => ({
  kind: 'finished',
  verdict: verdict(request.id, word),
  request,
  at: 4_000,
})

test('killed between a verdict and its event: each is told once, and what was told is what is kept', async () => {
  const file = join(folder, 'killed.sqlite')
  const journal = openJournal(file)
  for (const request of [first, second, third]) await journal.accept(request)
  await journal.append([finished(first)])
  await journal.finish(verdict(first.id))
  await journal.finish(verdict(second.id, 'failed'))
  await journal.append([finished(third, 'failed')])
  journal.close()

  for (const life of ['the next', 'the one after it']) {
    const again = openJournal(file)
    const events = (await again.eventsAfter(0, {}, 10)).map(({ told }) => told)
    same(
      events.flatMap((told) => (told.kind === 'finished' ? [[told.request?.id, told.verdict.verdict]] : [])),
      [
        [first.id, 'healthy'],
        [third.id, 'failed'],
        [second.id, 'failed'],
      ],
    )
    assert.equal((await again.find(third.id))?.verdict?.verdict, 'failed', life)
    assert.equal((await again.unfinished(0, 10)).length, 0)
    await again.finish(verdict(second.id))
    again.close()
  }
})

test('what is pruned leaves no half behind', async () => {
  const file = join(folder, 'pruned.sqlite')
  const journal = openJournal(file)
  for (const request of [first, second]) {
    await journal.accept(request)
    await journal.finish(verdict(request.id))
  }
  while ((await journal.prune(1_500, 10)) > 0);
  journal.close()
  const again = openJournal(file)
  const events = await again.eventsAfter(0, {}, 10)
  same(
    events.map(({ told }) => told.kind === 'finished' && told.request?.id),
    [second.id],
  )
  again.close()
})

test('whether anything was told of what is left open', async () => {
  const journal = openJournal(join(folder, 'open.sqlite'))
  for (const request of [first, second]) await journal.accept(request)
  await journal.append([{ kind: 'accepted', request: second, at: 1 }])
  same(
    (await journal.unfinished(0, 10)).map(({ isTold }) => isTold),
    [false, true],
  )
  journal.close()
})
