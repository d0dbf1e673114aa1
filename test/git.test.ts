/**
 * The git side with real git: over HTTP and over a path, alone and against foreign writers, with answers that are lost.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { commitBatch } from '../src/deploy/commit.ts'
import { waitingRoom } from '../src/deploy/waiting.ts'
import { MgoError } from '../src/error.ts'
import { openRepo } from '../src/git/repo.ts'
import type { Repo } from '../src/ports.ts'
import type { Cluster } from '../src/release/ids.ts'
import type { DeployRequest } from '../src/release/request.ts'
import { openSecrets } from '../src/secrets.ts'
import { hasty as clock } from './clock.ts'
import { git, makeBare, startGitServer } from './git-server.ts'

const server = await startGitServer()
const state = mkdtempSync(join(tmpdir(), 'mgo-state-'))
after(async () => {
  await server.close()
  rmSync(state, { recursive: true, force: true })
})

const tell = () => undefined

function values(app: number): string {
  return `# app ${app}\n__mygitops:\n  chart: ./chart\n  images:\n    github.com/acme/app${app}: &img\n      repository: acme/app${app} # keep\n      tag: 'v1'\nimage: *img\n`
}

function files(apps: number): Record<string, string> {
  return Object.fromEntries(
    Array.from({ length: apps }, (_, i) => [`installations/prod/app${i}-values.yaml`, values(i)]),
  )
}

function asked(app: number, tag: string, name = `Dev ${app}`): DeployRequest {
  return {
    id: clock.id(),
    cluster: 'prod' as Cluster,
    source: `github.com/acme/app${app}`,
    image: { repository: `acme/app${app}`, tag, digest: undefined },
    author: { name, email: `dev${app}@example.com` },
    acceptedAt: clock.now(),
  }
}

let mirrors = 0
function open(where: string, more: { readonly commitOnly?: boolean } = {}): Promise<Repo> {
  const env = { PATH: process.env['PATH'] ?? '' }
  return openRepo(where, {
    mirrors: join(state, String(mirrors++)),
    committer: { name: 'mgo', email: 'mgo@localhost' },
    secrets: openSecrets(),
    env,
    ...more,
  })
}

/** Commits a batch of new requests for which nothing needs to be kept. */
function commit(requests: readonly DeployRequest[], repo: Repo) {
  const room = waitingRoom()
  const nobody = { untilMs: 0, settle: tell, giveUp: tell }
  for (const request of requests) room.add({ ...nobody, queued: { request } })
  const taken = room.take(requests.length).map(({ queued }) => queued)
  const batch = requests.flatMap((request) => taken.find((one) => one.request === request) ?? [])
  return commitBatch(batch, { repo, tell, clock, attempting: async () => undefined, unready: async () => new Map() })
}

function code(expected: string): (error: unknown) => boolean {
  return (error) => error instanceof MgoError && error.code === expected
}

test('fifty requests are fifty commits by fifty authors, in one push', async () => {
  const bare = makeBare(server.root, 'fifty.git', files(50))
  const repo = await open(server.url('fifty.git'))
  const before = server.pushes()
  const outcomes = await commit(
    Array.from({ length: 50 }, (_, i) => asked(i, 'v2')),
    repo,
  )
  assert.equal(outcomes.filter((one) => one.kind === 'committed').length, 50)
  assert.equal(server.pushes() - before, 1)
  assert.equal(new Set(git(bare, 'log', '--format=%an', 'main').trim().split('\n')).size, 51)
  assert.equal(git(bare, 'show', 'main:installations/prod/app7-values.yaml'), values(7).replace("'v1'", "'v2'"))
  assert.match(
    git(bare, 'log', '-1', '--format=%cn%n%B', 'main'),
    /^mgo\nDeploy: acme\/app49:v2 to prod by Dev 49 <dev49@example.com>\n\nMgo-Request: [0-9A-Z]{26}\n/,
  )
  await repo.close()
})

test('S31: a foreign writer of the same branch and file: both are kept', async () => {
  const bare = makeBare(server.root, 'race.git', files(2))
  const repo = await open(server.url('race.git'))
  await repo.fetch()
  const work = mkdtempSync(join(tmpdir(), 'mgo-foreign-'))
  git(work, 'clone', '--quiet', bare, '.')
  const file = join(work, 'installations/prod/app0-values.yaml')
  writeFileSync(file, `${readFileSync(file, 'utf8')}replicas: 7\n`)
  git(work, 'commit', '--quiet', '--all', '-m', 'More replicas')
  git(work, 'push', '--quiet')
  const [outcome] = await commit([asked(0, 'v2')], repo)
  assert.equal(outcome?.kind, 'committed')
  assert.equal(
    git(bare, 'show', 'main:installations/prod/app0-values.yaml'),
    `${values(0).replace("'v1'", "'v2'")}replicas: 7\n`,
  )
  assert.equal(git(bare, 'rev-list', '--count', 'main').trim(), '3')
  rmSync(work, { recursive: true, force: true })
  await repo.close()
})

test('a push whose answer is lost is settled by its trailers: no commit twice, none lost', async () => {
  const bare = makeBare(server.root, 'cut.git', files(3))
  const repo = await open(server.url('cut.git'))
  server.fault('cut')
  const outcomes = await commit([asked(0, 'v2'), asked(1, 'v2')], repo)
  assert.deepEqual(
    outcomes.map((one) => one.kind),
    ['committed', 'committed'],
  )
  assert.equal(git(bare, 'rev-list', '--count', 'main').trim(), '3')
  await repo.close()
})

test('a server that is out of order for two pushes', async () => {
  const bare = makeBare(server.root, 'order.git', files(1))
  const repo = await open(server.url('order.git'))
  server.fault('refuse', 2)
  const [outcome] = await commit([asked(0, 'v2')], repo)
  assert.equal(outcome?.kind, 'committed')
  assert.equal(git(bare, 'rev-list', '--count', 'main').trim(), '2')
  await repo.close()
})

test('a hook that refuses one author: only that one is refused, in its own words', async () => {
  const bare = makeBare(server.root, 'hook.git', files(5))
  const hook = join(bare, 'hooks', 'pre-receive')
  writeFileSync(
    hook,
    '#!/bin/sh\nread old new ref\nif git log --format=%an $old..$new | grep -q Mallory; then echo "Mallory may not deploy" >&2; exit 1; fi\n',
  )
  chmodSync(hook, 0o755)
  const repo = await open(server.url('hook.git'))
  const outcomes = await commit([asked(0, 'v2'), asked(1, 'v2'), asked(2, 'v2', 'Mallory'), asked(3, 'v2')], repo)
  assert.deepEqual(
    outcomes.map((one) => one.kind),
    ['committed', 'committed', 'refused', 'committed'],
  )
  const refused = outcomes[2]
  assert.ok(refused?.kind === 'refused')
  assert.equal(refused.problems[0]?.code, 'GIT_REFUSED')
  assert.match(refused.problems[0]?.message ?? '', /Mallory may not deploy/)
  assert.doesNotMatch(git(bare, 'log', '--format=%an', 'main'), /Mallory/)
  await repo.close()
})

test('a later tag supersedes an earlier one of the same batch; a bad request hurts nobody', async () => {
  const bare = makeBare(server.root, 'batch.git', files(2))
  const repo = await open(server.url('batch.git'))
  const outcomes = await commit([asked(0, 'v2'), asked(9, 'v2'), asked(0, 'v3')], repo)
  assert.deepEqual(
    outcomes.map((one) => one.kind),
    ['superseded', 'refused', 'committed'],
  )
  assert.match(git(bare, 'show', 'main:installations/prod/app0-values.yaml'), /'v3'/)
  await repo.close()
})

test('a deploy that changes nothing makes no commit and no push', async () => {
  const bare = makeBare(server.root, 'same.git', files(1))
  const repo = await open(server.url('same.git'))
  const before = server.pushes()
  const [outcome] = await commit([asked(0, 'v1')], repo)
  assert.equal(outcome?.kind, 'unchanged')
  assert.equal(server.pushes(), before)
  assert.equal(git(bare, 'rev-list', '--count', 'main').trim(), '1')
  await repo.close()
})

test('a password reaches git, and no message', async () => {
  const guarded = await startGitServer()
  makeBare(guarded.root, 'secret.git', files(1))
  guarded.requireLogin('ci', 'hunter2-long')
  const repo = await open(guarded.url('secret.git', { user: 'ci', password: 'hunter2-long' }))
  const [outcome] = await commit([asked(0, 'v2')], repo)
  assert.equal(outcome?.kind, 'committed')
  assert.doesNotMatch(repo.name, /hunter2/)
  await assert.rejects(open(guarded.url('secret.git', { user: 'ci', password: 'wrong-password' })), (error) => {
    assert.ok(error instanceof MgoError)
    assert.equal(error.code, 'GIT_DENIED')
    assert.doesNotMatch(`${error.message}${error.hint}${error.stack ?? ''}`, /wrong-password/)
    return true
  })
  await repo.close()
  await guarded.close()
})

test('a branch that was rewritten is not followed', async () => {
  const bare = makeBare(server.root, 'rewritten.git', files(1))
  const repo = await open(server.url('rewritten.git'))
  await commit([asked(0, 'v2')], repo)
  git(bare, 'update-ref', 'refs/heads/main', 'main~1')
  await assert.rejects(repo.fetch(), code('GIT_REWRITTEN'))
  await repo.close()
})

test('S6: a values file that is a symbolic link is never written through', async () => {
  const bare = makeBare(server.root, 'link.git', files(1))
  const work = mkdtempSync(join(tmpdir(), 'mgo-link-'))
  git(work, 'clone', '--quiet', bare, '.')
  git(work, 'rm', '--quiet', 'installations/prod/app0-values.yaml')
  const blob = git(work, 'rev-parse', 'HEAD:installations/prod/app0-values.yaml').trim()
  git(work, 'update-index', '--add', '--cacheinfo', `120000,${blob},installations/prod/app0-values.yaml`)
  git(work, 'commit', '--quiet', '-m', 'Link')
  git(work, 'push', '--quiet')
  const repo = await open(server.url('link.git'))
  const [outcome] = await commit([asked(0, 'v2')], repo)
  assert.equal(outcome?.kind, 'refused')
  assert.equal(git(bare, 'rev-list', '--count', 'main').trim(), '2')
  rmSync(work, { recursive: true, force: true })
  await repo.close()
})

const addresses: [where: string, want: string, why: string][] = [
  ['--upload-pack=touch /tmp/mgo-canary', 'GIT_URL_INVALID', 'an option'],
  ['ext::sh -c touch% /tmp/mgo-canary', 'GIT_URL_INVALID', 'a command'],
  ['EXT::sh -c id', 'GIT_URL_INVALID', 'a command in capitals'],
  ['file:///etc', 'GIT_URL_INVALID', 'a file URL'],
  ['git://127.0.0.1/x', 'GIT_URL_INVALID', 'a protocol without identity'],
  ['ssh://-oProxyCommand=id/x', 'GIT_URL_INVALID', 'an option as a host'],
  ['http://127.0.0.1:1/x.git', 'GIT_UNREACHABLE', 'nobody listens'],
  ['/nonexistent/repo', 'GIT_NOT_A_REPO', 'no such folder'],
]
for (const [where, want, why] of addresses) {
  test(`S2: the address of the repo: ${why} (${where})`, () => assert.rejects(open(where), code(want)))
}

test('a repo that the server does not have', () =>
  assert.rejects(open(server.url('nothing.git')), code('GIT_NOT_A_REPO')))
