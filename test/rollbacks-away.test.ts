/**
 * `POST /v1/rollbacks` while the git server is away: it is kept, and it undoes what it was asked to undo or nothing.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { draft } from '../src/deploy/draft.ts'
import type { Cluster, Commit, RequestId } from '../src/release/ids.ts'
import { repoOf, start } from './away.ts'
import { clock } from './clock.ts'
import { open, server, tidy } from './remote.ts'

after(tidy)

test('it is accepted, says what it goes back to, and is committed when git is back, in one push with the others', async () => {
  const repo = repoOf('kept')
  const { deploy, back, waits, verdict, events, trail, stop } = await start(repo)
  const from = repo.head()
  await server.stop()
  const { status, body } = await back()
  assert.equal(status, 202)
  const { image, backTo, backFrom, git } = body
  assert.deepEqual([image, backTo, backFrom, git], ['acme/app:v1', repo.first, from, 'away'])
  await waits()
  const side = await deploy('github.com/acme/side', 'acme/app:v9')
  await server.start()
  const [first, second] = [await verdict(body.id), await verdict(side.body.id)]
  assert.deepEqual([first.verdict, second.verdict], ['committed', 'committed'])
  const pushed = events.flatMap((one) => (one.kind === 'pushed' ? [one.ids] : []))
  assert.deepEqual(pushed, [[body.id, side.body.id]])
  assert.match(repo.file(), /tag: "?v1/)
  const accepted = events.find((one) => one.kind === 'accepted' && one.request.id === body.id)
  assert.ok(accepted?.kind === 'accepted' && accepted.request.git === 'away')
  assert.match(await trail(), new RegExp(`"backTo":"${repo.first}","backFrom":"${from}","git":"away"`))
  await stop()
})

test('where another image is there by then, it ends refused and nothing is written', async () => {
  const repo = repoOf('overtaken')
  const { back, verdict, stop } = await start(repo)
  await server.stop()
  const { body } = await back()
  repo.foreign('v3')
  const head = repo.head()
  await server.start()
  const ended = await verdict(body.id)
  assert.deepEqual([ended.verdict, ended.problem?.code], ['refused', 'ROLLBACK_OVERTAKEN'])
  assert.match(
    ended.problem?.message ?? '',
    /app-values\.yaml has another image of github\.com\/acme\/app than at [0-9a-f]{12}/,
  )
  assert.equal(repo.head(), head)
  await stop()
})

test('where somebody went back already, it has nothing to do', async () => {
  const repo = repoOf('back-already')
  const { back, verdict, stop } = await start(repo)
  await server.stop()
  const { body } = await back()
  repo.foreign('v1')
  const head = repo.head()
  await server.start()
  assert.equal((await verdict(body.id)).verdict, 'unchanged')
  assert.equal(repo.head(), head)
  await stop()
})

test('a retry is the same request, and without a key it is no second step back', async () => {
  const repo = repoOf('retried')
  repo.foreign('v3')
  const { back, verdict, stop } = await start(repo)
  await server.stop()
  const first = await back({ 'idempotency-key': 'night-1' })
  const again = await back({ 'idempotency-key': 'night-1' })
  assert.deepEqual([again.status, again.body], [202, first.body])
  const other = await back({ 'idempotency-key': 'night-1' }, { release: 'side' })
  assert.equal(other.body.code, 'IDEMPOTENCY_MISMATCH')
  const unkeyed = await back()
  await server.start()
  assert.equal((await verdict(first.body.id)).verdict, 'committed')
  assert.equal((await verdict(unkeyed.body.id)).verdict, 'unchanged')
  assert.match(repo.file(), /tag: "?v2/)
  assert.equal((await back({ 'idempotency-key': 'night-1' })).body.id, first.body.id)
  await stop()
})

test('a later deploy takes its place while it waits', async () => {
  const repo = repoOf('replaced')
  const { deploy, back, waits, verdict, stop } = await start(repo)
  await server.stop()
  const { body } = await back()
  await waits()
  const later = await deploy('github.com/acme/app', 'acme/app:v4')
  await server.start()
  const ended = await verdict(body.id)
  assert.deepEqual([ended.verdict, ended.supersededBy], ['superseded', later.body.id])
  assert.equal((await verdict(later.body.id)).verdict, 'committed')
  await stop()
})

for (const meanwhile of ['nothing', 'v3'] as const)
  test(`a server that starts anew keeps what it must still find there (meanwhile: ${meanwhile})`, async () => {
    const repo = repoOf(`anew-${meanwhile}`)
    const before = await start(repo)
    await server.stop()
    const { body } = await before.back({ 'idempotency-key': 'night' })
    await before.stop()
    const now = await start(repo)
    assert.equal((await now.back({ 'idempotency-key': 'night' })).body.id, body.id)
    // What the mirror has on disk may be far behind what was seen.
    const unseen = await now.back()
    assert.deepEqual([unseen.status, unseen.body.code], [502, 'GIT_UNREACHABLE'])
    if (meanwhile !== 'nothing') repo.foreign(meanwhile)
    await server.start()
    const ended = await now.verdict(body.id)
    const wanted = meanwhile === 'nothing' ? ['committed', undefined] : ['refused', 'ROLLBACK_OVERTAKEN']
    assert.deepEqual([ended.verdict, ended.problem?.code], wanted)
    await now.stop()
  })

test('where git was never seen there is nothing to go back to: it is said, and nothing is kept', async () => {
  const repo = repoOf('unseen')
  await server.stop()
  const { back, ask, stop } = await start(repo)
  const { status, body } = await back()
  assert.deepEqual([status, body.code, body.id], [502, 'GIT_UNREACHABLE', undefined])
  assert.match(body.hint ?? '', /A deploy that names the image is kept until git is back\.$/)
  assert.deepEqual((await ask('GET', '/v1/deploys')).body.deploys, [])
  await stop()
  await server.start()
})

test('a git server that says nothing is away, too', async () => {
  const repo = repoOf('silent')
  const { back, verdict, stop } = await start(repo, { patient: { ...clock, sleep: async () => undefined } })
  server.trouble('slow')
  const { status, body } = await back()
  assert.deepEqual([status, body.git], [202, 'away'])
  server.trouble('none')
  assert.equal((await verdict(body.id)).verdict, 'committed')
  await stop()
})

test('an image that comes between the answer and the push is not undone, either', async () => {
  const repo = repoOf('between')
  let pushes = 0
  const { back, verdict, stop } = await start(repo, {
    changed: (real) => ({
      ...real,
      push(base, next) {
        if (pushes++ === 0) repo.foreign('v3')
        return real.push(base, next)
      },
    }),
  })
  const { body } = await back()
  assert.equal(body.git, undefined)
  const ended = await verdict(body.id)
  assert.deepEqual([ended.verdict, ended.problem?.code], ['refused', 'ROLLBACK_OVERTAKEN'])
  assert.match(repo.file(), /tag: v3/)
  await stop()
})

const token = { authorization: 'Bearer app' }
const asked: [why: string, body: object, wants: string, hint: RegExp][] = [
  ['their release', { release: 'app' }, '202', /none/],
  [
    'a release that is not theirs',
    { release: 'side' },
    '404 RELEASE_UNKNOWN',
    /^Known: \S+app\. Git is away: .+ newest/,
  ],
  ['a source that is not theirs', { source: 'github.com/acme/side' }, '404 SOURCE_UNKNOWN', /Git is away/],
  ['another cluster', { cluster: 'other', release: 'app' }, '403 FORBIDDEN', /^Whoever runs the server sees [^.]+\.$/],
  ['an image that it never had', { release: 'app', to: 'acme/app:v7' }, '400 REQUEST_INVALID', /Git is away/],
]
test('whoever asks hears no more than when git is there', async () => {
  const { back, stop } = await start(repoOf('policy'))
  await server.stop()
  for (const [why, body, wants, hint] of asked) {
    const said = await back(token, body)
    assert.equal(`${said.status} ${said.body.code ?? ''}`.trim(), wants, why)
    assert.match(said.body.hint ?? 'none', hint, why)
  }
  await server.start()
  await stop()
})

test('a mirror that was made anew and lacks the commit cannot say what was there, so nothing is undone', async () => {
  const { head } = repoOf('lost')
  const repo = await open(server.url('lost.git'))
  await repo.tip()
  const request = {
    id: '01JD0000000000000000000000' as RequestId,
    cluster: 'prod' as Cluster,
    source: 'github.com/acme/app',
    image: { repository: 'acme/app', tag: 'v1', digest: undefined },
    author: { name: 'Ada', email: '' },
    backFrom: 'a'.repeat(40) as Commit,
    acceptedAt: 0,
  }
  const [drafted] = await draft([request], head() as Commit, { repo })
  await repo.close()
  assert.deepEqual(drafted?.kind === 'refused' && drafted.problems.map(({ code }) => code), ['ROLLBACK_OVERTAKEN'])
})
