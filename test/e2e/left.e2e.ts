/**
 * A long queue that an earlier server left in its journal (row R32 of the fault matrix).
 *
 * @module
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { openJournal } from '../../src/journal/journal.ts'
import { type Cluster, requestId } from '../../src/release/ids.ts'
import { peakMiB } from '../checker/process.ts'
import { pause } from '../faults/chance.ts'
import { git } from '../git-server.ts'
import { startTrial, type Trial } from '../trial.ts'

const total = 100_000
const apps = 8
/** Requests that are taken up together (`page` in src/server/backlog.ts): among them each source has an order of its own. */
const together = 500
/** What is measured is near 330 MiB, most of it the heap of Node before it is in need. */
const mostMiB = 450

/** The journal of a server that was killed with all of them open: request n has the tag `n<n>`. */
async function preloaded(): Promise<string> {
  const state = mkdtempSync(join(tmpdir(), 'mgo-many-'))
  const journal = openJournal(join(state, 'journal.sqlite'))
  const author = { name: 'Ada', email: 'ada@example.com' }
  const begunAt = Date.now() - total
  const accept = (n: number) => {
    const image = { repository: `localhost:5000/acme/app${n % apps}`, tag: `n${n}`, digest: undefined }
    const acceptedAt = begunAt + n
    const id = requestId(acceptedAt, randomBytes(16))
    return journal.accept({
      id,
      cluster: 'prod' as Cluster,
      source: `github.com/acme/app${n % apps}`,
      image,
      author,
      acceptedAt,
    })
  }
  for (let begun = 0; begun < total; begun += 5_000)
    await Promise.all(Array.from({ length: 5_000 }, (_, i) => accept(begun + i)))
  journal.close()
  return state
}

/** The numbers of the requests in the order in which they had their verdict told. No server may have the journal open. */
function endsOf(state: string): readonly number[] {
  const database = new DatabaseSync(join(state, 'journal.sqlite'), { readOnly: true })
  const rows = database
    .prepare(
      `SELECT request ->> '$.image.tag' AS tag
         FROM events JOIN requests ON requests.id = events.request_id
        WHERE event ->> '$.kind' = 'finished' ORDER BY seq`,
    )
    .all() as { readonly tag: string }[]
  database.close()
  return rows.flatMap(({ tag }) => (tag === 'newest' ? [] : [Number(tag.slice(1))]))
}

/** How far a request ended after one that was accepted later, and whether one of the same source ever did. */
function disorder(numbers: readonly number[]): { readonly most: number; readonly sources: number } {
  let newest = -1
  let most = 0
  let sources = 0
  const last = new Map<number, number>()
  for (const n of numbers) {
    most = Math.max(most, newest - n)
    newest = Math.max(newest, n)
    if ((last.get(n % apps) ?? -1) > n) sources++
    last.set(n % apps, n)
  }
  return { most, sources }
}

/** How many are without a verdict, as the server says it. */
async function open(trial: Trial): Promise<number> {
  const text = await fetch(`${trial.service().url}/metrics`).then((response) => response.text())
  return Number(/^mgo_requests_open (\d+)$/m.exec(text)?.[1])
}

/** What the branch and its files hold in the end: of each source only the newest is worth a commit. */
function checkCommits(trial: Trial): void {
  const subjects = git(trial.bare, 'log', '--reverse', '--format=%s', 'main').trim().split('\n')
  const committed = subjects.flatMap((line) => Number(/:n(\d+)/.exec(line)?.[1] ?? []))
  assert.equal(disorder(committed).sources, 0)
  // What came after all of them is the last of its own.
  assert.match(trial.file(0), /"newest"/)
  for (let app = 1; app < apps; app++) assert.match(trial.file(app), new RegExp(`"n${total - apps + app}"`))
}

/** In which order they ended: each once, also where the kill came between a verdict and the event that tells of it. */
function checkEnds(ends: readonly number[]): void {
  assert.equal(ends.length, total)
  assert.equal(new Set(ends).size, total)
  const { most, sources } = disorder(ends)
  assert.ok(most <= together, `a request ended after one that was accepted ${most} later`)
  assert.equal(sources, 0)
}

test('R32: a hundred thousand open requests in the journal: up at once, the oldest first, memory stays bounded', async () => {
  const state = await preloaded()
  const begunMs = performance.now()
  const trial = await startTrial({ apps, stateIn: state, args: ['--most', '200000'] })
  const firstMs = performance.now() - begunMs
  // Killed in the middle: what had its verdict keeps it, the rest goes on with the oldest.
  while ((await open(trial)) > 0.9 * total) await pause(50)
  const peaks = [peakMiB(trial.service().pid)]
  await trial.service().kill()
  const early = endsOf(state).length
  assert.ok(early > 0 && early < total, `${early} had ended when it was killed`)
  const killedMs = performance.now()
  await trial.start()
  const againMs = performance.now() - killedMs
  assert.ok(Math.max(firstMs, againMs) < 10_000, `up after ${firstMs} and ${againMs} ms`)

  const { id } = await trial.send(0, 'newest')
  assert.equal((await trial.verdict(id)).verdict, 'committed')
  while ((await open(trial)) > 0) await pause(50)
  peaks.push(peakMiB(trial.service().pid))
  assert.ok(Math.max(...peaks) < mostMiB, `${peaks.join(' and ')} MiB`)
  checkCommits(trial)
  await trial.end()
  checkEnds(endsOf(state))
})
