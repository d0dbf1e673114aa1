/**
 * More than the server can take, for seconds: what it takes it finishes, the rest is told when to come again, and it is
 * always known to live. `npm run bench -- P8` measures the same.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startTrial, type Trial } from '../trial.ts'

const apps = 100
const callers = 300
const floodMs = 4_000

type Seen = { readonly statuses: Record<string, number>; readonly without: number }

/** Callers that never pause: 202 or not, the next request follows at once. */
async function flood(trial: Trial): Promise<Seen> {
  const statuses: Record<string, number> = {}
  let without = 0
  const endMs = performance.now() + floodMs
  const caller = async (n: number): Promise<void> => {
    for (let turn = 0; performance.now() < endMs; turn++) {
      if (turn % 10 === 0) {
        const { status } = await trial.send(n % apps, `v${turn + 2}`)
        statuses[status] = (statuses[status] ?? 0) + 1
        continue
      }
      const raw = await fetch(`${trial.service().url}/v1/deploys`, { method: 'POST', body: '{', headers: json })
      await raw.text()
      statuses[raw.status] = (statuses[raw.status] ?? 0) + 1
      if (raw.status === 503 && !(Number(raw.headers.get('retry-after')) > 0)) without++
    }
  }
  await Promise.all(Array.from({ length: callers }, (_, n) => caller(n)))
  return { statuses, without }
}

const json = { 'content-type': 'application/json' }

/** Asks for the health until told to stop; gives the answers that were none. */
function watchHealth(trial: Trial): () => Promise<number> {
  let isOver = false
  let bad = 0
  const watching = (async () => {
    while (!isOver) {
      const signal = AbortSignal.timeout(2_000)
      const isGood = await fetch(`${trial.service().url}/healthz`, { signal }).then(
        ({ ok }) => ok,
        () => false,
      )
      if (!isGood) bad++
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  })()
  return async () => {
    isOver = true
    await watching
    return bad
  }
}

test('beyond what it can take: 503 with Retry-After, health all the while, and whatever was accepted ends', async () => {
  const trial = await startTrial({ apps, args: ['--most', '60'] })
  trial.git.fault('slow', 20)
  const health = watchHealth(trial)
  const { statuses, without } = await flood(trial)
  assert.equal(await health(), 0, 'health was not answered within two seconds')
  assert.equal(without, 0, 'a 503 says when to come again')
  assert.ok((statuses['202'] ?? 0) >= 60, JSON.stringify(statuses))
  assert.ok((statuses['503'] ?? 0) > 100, JSON.stringify(statuses))
  assert.deepEqual(
    Object.keys(statuses).filter((status) => !['202', '400', '503'].includes(status)),
    [],
  )
  await trial.check()
  await trial.end()
})
