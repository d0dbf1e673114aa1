/**
 * Callers who say nothing, say half, or do not read (row R31 of the fault matrix), beside others who want something.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import { startCrowd } from '../crowd.ts'
import { startTrial, type Trial } from '../trial.ts'

type Times = { readonly p50: number; readonly p99: number }

let turn = 0

/** Milliseconds until a POST has its durable 202, from four callers who each send one after the other. */
async function posts(trial: Trial): Promise<Times> {
  const took: number[] = []
  const caller = async (app: number) => {
    for (let i = 0; i < 100; i++) {
      const begunMs = performance.now()
      assert.equal((await trial.send(app, `v${turn++}`)).status, 202)
      took.push(performance.now() - begunMs)
    }
  }
  await Promise.all([0, 1, 2, 3].map(caller))
  took.sort((a, b) => a - b)
  const part = (share: number) => took[Math.floor(took.length * share)] ?? 0
  return { p50: part(0.5), p99: part(0.99) }
}

/**
 * The row says: less than twice as long. Pushes of the same moment take one of two cores now and then. So both ends of a
 * pair are taken next to each other, and the best of each end counts: what a crowd costs, it costs every time.
 */
const pairs = 6

/** The best times of some turns. */
function best(turns: readonly Times[]): Times {
  const least = (part: keyof Times) => Math.min(...turns.map((one) => one[part]))
  return { p50: least('p50'), p99: least('p99') }
}

test('R31: 5,000 idle and half-said connections, a hundred readers who do not read: a deploy is accepted as ever, they are let go', async () => {
  const trial = await startTrial()
  await posts(trial)
  const size = { idle: 2_500, half: 2_500, deaf: 100 }
  const found: { readonly alone: Times; readonly beside: Times }[] = []
  const isGood = () => {
    const [alone, beside] = [best(found.map((pair) => pair.alone)), best(found.map((pair) => pair.beside))]
    return found.length > 1 && beside.p99 < 2 * alone.p99 && beside.p50 < 2 * alone.p50
  }
  while (found.length < pairs && !isGood()) {
    const alone = await posts(trial)
    const crowd = await startCrowd(trial.service().url, size)
    const beside = await posts(trial)
    assert.deepEqual(crowd.open(), size, 'they were there all the time')
    found.push({ alone, beside })
    if (found.length === 1) await crowd.until(({ idle, half }) => idle + half === 0)
    await crowd.end()
  }
  assert.ok(isGood(), JSON.stringify(found))
  await trial.check()
  await trial.end()
})

test('R31: more connections and streams than a server takes: those it has go on, the rest is turned away', async () => {
  const trial = await startTrial({ under: ['prlimit', '--nofile=1000:1000'] })
  const { url, pid } = trial.service()
  // Two hundred streams at once, and connections for half of the files.
  const readers = await startCrowd(url, { deaf: 200 })
  const stream = await fetch(`${url}/v1/events`)
  assert.equal(stream.status, 429)
  assert.match(await stream.text(), /TOO_MANY_STREAMS/)
  assert.ok(Number(stream.headers.get('retry-after')) > 0)
  const crowd = await startCrowd(url, { idle: 5_000 })
  // The kernel says hello before the server hangs up.
  await crowd.until(({ idle }) => idle > 0 && idle <= 300)
  assert.ok(readdirSync(`/proc/${pid}/fd`).length < 600)
  // A caller that is in stays in, and the others come in as soon as those who say nothing are let go.
  assert.equal((await trial.send(0, 'v2', { wait: '30s' })).verdict, 'committed')
  await crowd.until(({ idle }) => idle === 0)
  assert.equal((await trial.send(1, 'v2', { wait: '30s' })).verdict, 'committed')
  await crowd.end()
  await readers.end()
  await trial.check()
  await trial.end()
})
