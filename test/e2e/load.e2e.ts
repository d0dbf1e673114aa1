/**
 * Load (row R30 of the fault matrix), and following a deploy. `MGO_LOAD=full` takes the figures of the matrix.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startTrial, type Trial } from '../trial.ts'

const isFull = process.env['MGO_LOAD'] === 'full'
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

async function ended(trial: Trial): Promise<void> {
  await trial.check()
  await trial.end()
}

test('R30: a herd of thousands at once, hundreds of them for one source: each has its own end, few pushes', async () => {
  const trial = await startTrial({ apps: 100 })
  const pushes = trial.git.pushes()
  // Two hundred for the first source with one and the same image, the rest over all others, in the order of each source.
  const same = Array.from({ length: 200 }, () => trial.send(0, 'same', { wait: '60s' }))
  const rest = Array.from({ length: 99 }, async (_, i) => {
    for (let turn = 0; turn < (isFull ? 49 : 15); turn++) await trial.send(i + 1, `v${turn + 2}`)
  })
  const answers = await Promise.all(same)
  await Promise.all(rest)
  assert.deepEqual(new Set(answers.map(({ verdict }) => verdict)), new Set(['committed', 'unchanged']))
  assert.equal(answers.filter(({ verdict }) => verdict === 'committed').length, 1)
  await trial.check()
  assert.ok(trial.git.pushes() - pushes < 150, `${trial.git.pushes() - pushes} pushes`)
  await trial.end()
})

test('a deploy is followed to its verdict, over a restart, without a gap and without a word twice', async () => {
  const trial = await startTrial()
  await trial.git.stop()
  const { id } = await trial.send(0, 'v2')
  const stream = (last?: string) =>
    fetch(`${trial.service().url}/v1/deploys/${id}/events`, {
      headers: last === undefined ? {} : { 'last-event-id': last },
    })
  const first = (await stream()).body?.getReader()
  let text = ''
  while (!text.includes('event: accepted')) text += new TextDecoder().decode((await first?.read())?.value)
  const seen = /^id: (\d+)$/m.exec(text)?.[1]
  await trial.service().kill()
  await trial.start()
  const rest = stream(seen).then((response) => response.text())
  await pause(300)
  await trial.git.start()
  const kinds = [...(await rest).matchAll(/^event: (\S+)$/gm)].map((match) => match[1])
  assert.deepEqual(kinds, ['committed', 'finished'])
  const again = await stream().then((response) => response.text())
  assert.deepEqual(
    [...again.matchAll(/^event: (\S+)$/gm)].map((match) => match[1]),
    ['accepted', 'committed', 'finished'],
  )
  await ended(trial)
})

test('deploys are listed page by page; a cancelled one says so, a committed one cannot be cancelled', async () => {
  const trial = await startTrial()
  const { id } = await trial.send(0, 'v2', { wait: '30s' })
  const late = await trial.ask(`/v1/deploys/${id}`, { method: 'DELETE' })
  assert.deepEqual([late.status, late.code], [409, 'CANCEL_TOO_LATE'])
  await trial.send(1, 'v2', { wait: '30s' })
  type List = { readonly deploys: readonly { readonly id: string }[]; readonly next?: string }
  const list = async (query: string) => (await trial.ask(`/v1/deploys?${query}`)) as unknown as List
  const page = await list('limit=1&cluster=prod')
  assert.equal(page.deploys.length, 1)
  const rest = await list(`limit=5&cursor=${page.next}`)
  assert.deepEqual(
    rest.deploys.map((one) => one.id),
    [id],
  )
  assert.equal((await list('release=shop/app1')).deploys.length, 1)
  assert.equal((await trial.ask('/v1/deploys?limit=0')).status, 400)
  await ended(trial)
})
