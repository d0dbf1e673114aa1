/**
 * Load (row R30 of the fault matrix), and following a deploy.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import type { Sent } from '../checker/checker.ts'
import { type Answer, startTrial, type Trial } from '../trial.ts'

/** Measured: near 350 MiB. */
const mostMiB = 450
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

async function ended(trial: Trial): Promise<void> {
  await trial.check()
  await trial.end()
}

/** The requests in the order in which the journal took them: callers who come at once cannot know it. No server may run. */
function inOrder(trial: Trial): readonly Sent[] {
  const database = new DatabaseSync(join(trial.mgo.state, 'state', 'journal.sqlite'), { readOnly: true })
  const rows = database.prepare('SELECT id FROM requests ORDER BY rowid').all() as { readonly id: string }[]
  database.close()
  const known = new Map(trial.sent().map((one) => [one.id, one]))
  return rows.map(({ id }) => known.get(id) ?? assert.fail(`${id} is in the journal, and nobody was told`))
}

/** Callers of one herd. An overloaded server is asked again when it said, with the same key. */
function herdOf(trial: Trial) {
  let refused = 0
  const come = async (app: number, tag: string, key: string): Promise<Answer> => {
    for (;;) {
      const answer = await trial.send(app, tag, { key, wait: '60s' })
      if (answer.id !== undefined) return answer.verdict === undefined ? trial.verdict(answer.id) : answer
      refused++
      assert.ok(answer.status === 429 || answer.status === 503, JSON.stringify(answer))
      assert.ok(answer.retryAfter !== undefined && answer.retryAfter > 0, JSON.stringify(answer))
      await pause(answer.retryAfter * 1_000 * (1 + Math.random()))
    }
  }
  return { come, refused: () => refused }
}

/** 5,000 callers at once for a server with room for `most`, and git away until they have come. */
async function herd(most: number): Promise<{ readonly refused: number; readonly peakMiB: number }> {
  const trial = await startTrial({ apps: 100, args: ['--most', String(most)] })
  const pushes = trial.git.pushes()
  await trial.git.stop()
  const { come, refused } = herdOf(trial)
  const coming = Promise.all(
    Array.from({ length: 5_000 }, (_, i) =>
      i < 200 ? come(0, 'same', `key-${i}`) : come(1 + (i % 99), `v${i}`, `key-${i}`),
    ),
  )
  await pause(3_000)
  await trial.git.start()
  const answers = await coming
  assert.equal(new Set(answers.map(({ id }) => id)).size, 5_000)
  const same = answers.slice(0, 200).map(({ verdict }) => verdict)
  assert.deepEqual(new Set(same), new Set(['committed', 'unchanged']))
  assert.equal(same.filter((verdict) => verdict === 'committed').length, 1)
  const words = new Set(answers.slice(200).map(({ verdict }) => verdict))
  assert.deepEqual(words, new Set(['committed', 'superseded']))
  const peakMiB = trial.service().peakMiB()
  assert.ok(trial.git.pushes() - pushes < 150, `${trial.git.pushes() - pushes} pushes`)
  // The journal is the server's own while it runs.
  await trial.service().stop()
  trial.promised(inOrder(trial))
  await trial.start()
  await trial.check()
  await trial.end()
  return { refused: refused(), peakMiB }
}

test('R30: 5,000 callers at once, 200 of them with one image: each has its own end, few pushes, memory is bounded', async () => {
  const { peakMiB } = await herd(5_000)
  assert.ok(peakMiB < mostMiB, `${peakMiB} MiB`)
})

test('R30: 5,000 callers at once where 250 have room: who is told to come again does, and nothing is lost', async () => {
  const { refused, peakMiB } = await herd(250)
  assert.ok(refused > 0)
  assert.ok(peakMiB < mostMiB, `${peakMiB} MiB`)
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
