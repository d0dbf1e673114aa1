import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Code, MgoError } from '../error.ts'
import { type Cluster, type Commit, requestId } from '../release/ids.ts'
import type { DeployRequest } from '../release/request.ts'
import { type Attempting, commitQueue } from './queue.ts'
import type { Outcome } from './outcome.ts'
import type { Queued } from './waiting.ts'

const base = 'b'.repeat(40) as Commit
const commit = 'c'.repeat(40) as Commit
let made = 0

function ask(app: string, tag: string): DeployRequest {
  made++
  return {
    id: requestId(made, new Uint8Array(16)),
    cluster: 'prod' as Cluster,
    source: `github.com/acme/${app}`,
    image: { repository: `acme/${app}`, tag, digest: undefined },
    author: { name: 'Ada', email: 'ada@example.com' },
    acceptedAt: made,
  }
}

function fails(code: Code): MgoError {
  return new MgoError({ code, message: `${code} here`, hint: '' })
}

/** What a batch of the test does: nothing comes of it before `go`. */
type Batch = {
  readonly tags: readonly string[]
  readonly queued: readonly Queued[]
  readonly attempting: Attempting
  go(error?: unknown): void
}

/** A queue over a world where the test says what git does, and time jumps from one sleep to the next. */
function world() {
  const batches: Batch[] = []
  const sleeps: { readonly at: number; readonly wake: () => void }[] = []
  const state = { now: 0, away: undefined as MgoError | undefined, said: [] as string[] }
  const queue = commitQueue({
    clock: {
      now: () => state.now,
      sleep: (ms, signal) =>
        new Promise((resolve) => {
          sleeps.push({ at: state.now + ms, wake: resolve })
          signal?.addEventListener('abort', () => resolve())
        }),
    },
    repo: {
      fetch: async () => {
        if (state.away !== undefined) throw state.away
        return base
      },
    },
    say: (text) => void state.said.push(text),
    commit: (batch, attempting) =>
      new Promise((resolve, reject) => {
        const go = (error?: unknown) => (error === undefined ? resolve(batch.map(done)) : reject(error))
        batches.push({ tags: batch.map(({ request }) => request.image.tag ?? ''), queued: batch, attempting, go })
      }),
  })
  const tick = () => new Promise((resolve) => setImmediate(resolve))
  const until = async (ms: number) => {
    state.now = ms
    for (const one of sleeps.filter(({ at }) => at <= ms)) one.wake()
    await tick()
  }
  return { queue, batches, state, tick, until }
}

function done({ request }: Queued): Outcome {
  return { kind: 'committed', request, commit, tip: commit, releases: [] }
}

const far = 1_000_000

test('the first waits for nobody; what comes meanwhile is the next batch, and a later tag replaces an earlier one', async () => {
  const { queue, batches, tick } = world()
  const later = ask('a', 'v3')
  const answers = [queue.submit({ request: ask('a', 'v1') }, far)]
  await tick()
  for (const request of [ask('a', 'v2'), ask('b', 'w1'), later]) answers.push(queue.submit({ request }, far))
  batches[0]?.go()
  await tick()
  batches[1]?.go()
  const outcomes = await Promise.all(answers)
  assert.deepEqual(
    batches.map(({ tags }) => tags),
    [['v1'], ['v3', 'w1']],
    'it stands where the replaced one stood',
  )
  assert.deepEqual(
    outcomes.map(({ kind }) => kind),
    ['committed', 'superseded', 'committed', 'committed'],
  )
  assert.equal(outcomes[1]?.kind === 'superseded' && outcomes[1].by, later.id)
})

test('one that may be pushed knows who takes its place if it is not, in each half of a batch, too', async () => {
  const { queue, batches, state, tick, until } = world()
  const [first, other, later] = [ask('a', 'v1'), ask('b', 'w1'), ask('a', 'v2')]
  const answers = [queue.submit({ request: first, base }, far)]
  await tick()
  answers.push(queue.submit({ request: other }, far), queue.submit({ request: later }, far))
  batches[0]?.go(fails('GIT_UNREACHABLE'))
  await tick()
  await until(state.now + 60_000)
  batches[1]?.go(fails('INTERNAL'))
  for (const next of [2, 3, 4]) {
    await tick()
    batches[next]?.go()
  }
  await Promise.all(answers)
  const shown = ({ request, later: by }: Queued) => `${request.image.tag}${by === later.id ? ' or v2' : ''}`
  const all = batches.map(({ queued }) => queued.map(shown))
  assert.deepEqual(all, [['v1'], ['v1 or v2', 'v2', 'w1'], ['v1 or v2', 'v2'], ['w1']])
})

test('the same image again replaces nothing: both get their answer', async () => {
  const { queue, batches, tick } = world()
  const first = queue.submit({ request: ask('x', 'v0') }, far)
  await tick()
  const both = [ask('a', 'v1'), ask('a', 'v1')].map((request) => queue.submit({ request }, far))
  batches[0]?.go()
  await tick()
  batches[1]?.go()
  assert.deepEqual(
    (await Promise.all([first, ...both])).map(({ kind }) => kind),
    ['committed', 'committed', 'committed'],
  )
})

test('git is away: what waits can be replaced and withdrawn, what may be pushed cannot; then all go in one push, in order', async () => {
  const { queue, batches, state, tick, until } = world()
  const [pushed, gone, last] = [ask('a', 'v1'), ask('b', 'v1'), ask('c', 'v1')]
  const first = queue.submit({ request: pushed }, far)
  await tick()
  await batches[0]?.attempting([pushed.id], base)
  state.away = fails('GIT_UNREACHABLE')
  batches[0]?.go(state.away)
  await tick()
  const rest = [ask('a', 'v2'), gone, ask('c', 'v0'), last].map((request) => queue.submit({ request }, far))
  assert.equal(queue.trouble(), 'GIT_UNREACHABLE here')
  assert.equal(queue.withdraw(pushed.id), 'late')
  assert.equal(queue.withdraw(gone.id), 'withdrawn')
  assert.equal(queue.withdraw(gone.id), 'unknown')
  await until(20_000)
  assert.equal(batches.length, 1, 'nothing is tried upon a remote that does not answer')
  state.away = undefined
  await until(60_000)
  assert.deepEqual(batches[1]?.tags, ['v1', 'v2', 'v1'])
  batches[1]?.go()
  assert.deepEqual(
    (await Promise.all([first, ...rest])).map(({ kind }) => kind),
    ['committed', 'committed', 'refused', 'superseded', 'committed'],
  )
  assert.equal(queue.trouble(), undefined)
  assert.deepEqual(state.said, [
    'a request waits for git: GIT_UNREACHABLE here',
    'git answers again: the requests that waited go on',
  ])
})

test('patience ends: each request with the cause, and with a doubt where its push may have gone through', async () => {
  const { queue, batches, state, tick, until } = world()
  const pushed = ask('a', 'v1')
  const first = assert.rejects(queue.submit({ request: pushed }, 5_000), /GIT_UNREACHABLE here; its push was under way/)
  await tick()
  await batches[0]?.attempting([pushed.id], base)
  state.away = fails('GIT_UNREACHABLE')
  batches[0]?.go(state.away)
  await tick()
  const second = assert.rejects(queue.submit({ request: ask('b', 'v1') }, 5_000), { message: 'GIT_UNREACHABLE here' })
  const third = queue.submit({ request: ask('c', 'v1') }, far)
  await until(5_000)
  await Promise.all([first, second])
  state.away = undefined
  await until(60_000)
  assert.deepEqual(batches[1]?.tags, ['v1'])
  batches[1]?.go()
  assert.equal((await third).kind, 'committed')
})

test('without patience an outage is the answer at once', async () => {
  const { queue, batches, tick } = world()
  const answer = assert.rejects(queue.submit({ request: ask('a', 'v1') }, 0), { code: 'GIT_UNREACHABLE' })
  await tick()
  batches[0]?.go(fails('GIT_UNREACHABLE'))
  await answer
})

test('an error that does not pass: halving finds whose it is, the others land', async () => {
  const { queue, batches, tick } = world()
  const bad = assert.rejects(queue.submit({ request: ask('bad', 'bad') }, far), { code: 'EDIT_UNSAFE' })
  const good = ['a', 'b', 'c'].map((app) => queue.submit({ request: ask(app, 'v1') }, far))
  for (let i = 0; i < 7; i++) {
    await tick()
    const batch = batches[i]
    batch?.go(batch.tags.includes('bad') ? fails('EDIT_UNSAFE') : undefined)
  }
  await bad
  assert.equal((await Promise.all(good)).filter(({ kind }) => kind === 'committed').length, 3)
})

test('git fails and nobody knows why: halving lets the others through, and the one waits on until its patience ends', async () => {
  const { queue, batches, tick, until } = world()
  const bad = assert.rejects(queue.submit({ request: ask('bad', 'bad') }, 200_000), { code: 'GIT_FAILED' })
  const good = ['a', 'b', 'c'].map((app) => queue.submit({ request: ask(app, 'v1') }, far))
  for (let i = 0; i < 40; i++) {
    await tick()
    for (const batch of batches) batch.go(batch.tags.includes('bad') ? fails('GIT_FAILED') : undefined)
    await tick()
    await until((i + 1) * 10_000)
    if (i === 8) assert.equal((await Promise.all(good)).filter(({ kind }) => kind === 'committed').length, 3)
  }
  await bad
})

test('git fails for everybody: halving stops soon, and nobody is taken out', async () => {
  const { queue, batches, tick, until } = world()
  let broken = true
  const all = Array.from({ length: 64 }, (_, i) => queue.submit({ request: ask(`a${i}`, 'v1') }, far))
  for (let i = 0; i < 30; i++) {
    for (let j = 0; j < 20; j++) {
      await tick()
      for (const batch of batches) batch.go(broken ? fails('GIT_FAILED') : undefined)
    }
    await until((i + 1) * 20_000)
    if (i === 4) {
      assert.ok(batches.length < 60, `${batches.length} tries`)
      broken = false
    }
  }
  assert.equal((await Promise.all(all)).filter(({ kind }) => kind === 'committed').length, 64)
})

test('going down: the batch under way ends, nothing further begins', async () => {
  const { queue, batches, tick } = world()
  const first = queue.submit({ request: ask('a', 'v1') }, far)
  await tick()
  void queue.submit({ request: ask('b', 'v1') }, far)
  const closed = queue.close()
  batches[0]?.go()
  await closed
  assert.equal((await first).kind, 'committed')
  assert.equal(batches.length, 1)
})
