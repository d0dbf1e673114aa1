/**
 * SIGTERM while callers wait and read: they get their ends, and nobody holds the server up.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { startTrial } from '../trial.ts'

const trial = await startTrial({ apps: 2 })
after(() => trial.end())

/** What a kept connection reads, until its end. */
async function readAll(where: string): Promise<string> {
  const answer = await fetch(`${trial.service().url}${where}`)
  return answer.text()
}

test('R35: a server that is told to go ends at once what has nothing to wait for: streams, waits, kept connections', async () => {
  assert.equal((await trial.send(0, 'v2', { wait: '30s' })).verdict, 'committed')
  await trial.git.stop()
  const { id } = await trial.send(1, 'v2')
  const readers = [readAll('/v1/events'), readAll(`/v1/deploys/${id}/events`), readAll(`/v1/deploys/${id}?wait=10m`)]
  await new Promise((resolve) => setTimeout(resolve, 500))
  const begunMs = performance.now()
  assert.equal(await trial.service().stop(), 0)
  const tookMs = performance.now() - begunMs
  assert.ok(tookMs < 15_000, `it took ${Math.round(tookMs)} ms`)
  const [all, own, waited] = await Promise.all(readers)
  assert.match(all ?? '', /^retry: /)
  assert.match(own ?? '', new RegExp(`"id":"${id}"`))
  assert.equal((JSON.parse(waited ?? '') as { id: string; verdict?: string }).id, id)
  await trial.git.start()
  await trial.start()
  await trial.check()
})
