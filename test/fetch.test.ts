/**
 * What others pushed is brought here by two questions where that may do, and by git where it may not; what lost a race is pushed in
 * one piece again.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { createServer, request as ask } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { Commit } from '../src/release/ids.ts'
import { git, gitFed, makeBare } from './git-server.ts'
import { code, open, path, root, server, text, tidy } from './remote.ts'

after(tidy)

let traces = 0
/** A repo of one file; `ran` gives the git commands that mgo has started since it was asked last. */
async function opened(name: string, files: Record<string, string> = { [path]: text() }) {
  const bare = makeBare(server.root, name, files)
  const trace = join(root, `trace-${traces++}`)
  const ran = (): readonly string[] => {
    const lines = existsSync(trace) ? readFileSync(trace, 'utf8').split('\n') : []
    rmSync(trace, { force: true })
    return lines.flatMap((line) => /"event":"cmd_name".*"name":"([^"]+)"/.exec(line)?.[1] ?? [])
  }
  return { bare, env: { GIT_TRACE2_EVENT: trace }, ran, tip: () => git(bare, 'rev-parse', 'main').trim() }
}

function foreign(bare: string, tree = 'main^{tree}'): void {
  const commit = git(bare, 'commit-tree', tree, '-p', 'main', '-m', 'Foreign').trim()
  git(bare, 'update-ref', 'refs/heads/main', commit)
}

const programs = (ran: readonly string[]) => ran.filter((name) => /fetch|ls-remote|push/.test(name))

test('what others pushed comes without `git fetch`, and the next start begins there', async () => {
  const { bare, env, ran, tip } = await opened('direct.git')
  const mirrors = join(root, 'mirrors-direct')
  const repo = await open(server.url('direct.git'), { env, mirrors })
  await repo.tip()
  ran()
  for (let i = 0; i < 3; i++) {
    foreign(bare)
    assert.equal(await repo.fetch(), tip())
    assert.equal(await repo.fetch(), tip(), 'nothing new')
  }
  assert.deepEqual(programs(ran()), [])
  assert.equal((await repo.tree(tip() as Commit, 'installations')).size, 1)
  await repo.close()

  const again = await open(server.url('direct.git'), { env, mirrors })
  assert.equal(await again.tip(), tip())
  assert.ok(!ran().includes('index-pack') && !ran().includes('unpack-objects'), 'it was all here')
  await again.close()
})

test('what lost a race is pushed in one piece again: no `git push` after it', async () => {
  const { bare, env, ran, tip } = await opened('outrun.git')
  const repo = await open(server.url('outrun.git'), { env })
  const write = async (base: Commit | undefined) => {
    const author = { name: 'Ada', email: 'ada@example.com' }
    const made = await repo.write(base, [
      { files: new Map([[path, Buffer.from('a: 1\n')]]), message: 'x', author, at: 1_000 },
    ])
    return made[0] as Commit
  }
  const old = (await repo.begin()).tip
  ran()
  foreign(bare)
  assert.equal((await repo.push(old, await write(old))).kind, 'moved')
  const begun = await repo.begin()
  assert.deepEqual(begun, { tip: tip(), isFresh: true }, 'others are pushing, so the tip is asked for')
  const [sent, next] = [server.pushes(), await write(begun.tip)]
  assert.deepEqual(await repo.push(begun.tip, next), { kind: 'pushed' })
  assert.equal(server.pushes(), sent + 1)
  assert.deepEqual(programs(ran()), [])
  assert.equal(git(bare, 'show', `main:${path}`), 'a: 1\n')
  git(bare, 'fsck', '--full', '--strict')

  const calm = await repo.begin()
  assert.deepEqual(calm, { tip: next, isFresh: true })
  assert.deepEqual(await repo.begin(), { tip: next, isFresh: false }, 'nobody was there')
  await repo.close()
})

test('objects that git would not take from a server are not taken, and nothing of them is read', async () => {
  const { bare, env } = await opened('broken.git')
  const repo = await open(server.url('broken.git'), { env })
  const before = await repo.tip()
  const blob = gitFed(bare, 'x', 'hash-object', '-w', '--stdin').trim()
  const tree = gitFed(bare, `100644 blob ${blob}\t.GIT\n`, 'mktree').trim()
  foreign(bare, tree)
  await assert.rejects(repo.fetch(), code('GIT_FAILED', /hasDotgit/))
  assert.equal(await repo.tip(), before)
  await repo.close()
})

test('what is larger than one answer comes by git', async () => {
  const { bare, env, ran, tip } = await opened('large.git')
  const repo = await open(server.url('large.git'), { env })
  await repo.tip()
  ran()
  const noise = randomBytes(9 * 1024 * 1024)
  const blob = gitFed(bare, noise, 'hash-object', '-w', '--stdin').trim()
  foreign(bare, gitFed(bare, `100644 blob ${blob}\tlarge\n`, 'mktree').trim())
  assert.equal(await repo.fetch(), tip())
  assert.ok(ran().includes('fetch'))
  await repo.close()
})

/** Hands everything on, but for what version of the protocol is wished. */
async function oldServer() {
  const heard: string[] = []
  const proxy = createServer((incoming, outgoing) => {
    const { 'git-protocol': _, ...headers } = incoming.headers
    heard.push(headers['user-agent'] ?? '')
    const onward = ask(new URL(incoming.url ?? '/', server.url('')), { method: incoming.method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(outgoing)
    })
    incoming.pipe(onward)
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  const url = (name: string) => `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/${name}`
  const close = () => {
    proxy.closeAllConnections()
    return new Promise((resolve) => proxy.close(resolve))
  }
  return { url, close, heard }
}

test('a server of the first protocol is asked by git, and not tried again at each look', async () => {
  const { bare, tip } = await opened('old.git')
  const old = await oldServer()
  const repo = await open(old.url('old.git'))
  await repo.tip()
  for (let i = 0; i < 3; i++) {
    foreign(bare)
    assert.equal(await repo.fetch(), tip())
  }
  assert.equal(old.heard.filter((agent) => agent === 'git/mgo').length, 1, 'one question that it does not understand')
  await repo.close()
  await old.close()
})

test('a server that hangs is waited for once, not twice', async () => {
  const { env } = await opened('hangs.git')
  const repo = await open(server.url('hangs.git'), { env, timeoutMs: 1_500 })
  await repo.tip()
  server.trouble('hang')
  const begunMs = performance.now()
  await assert.rejects(repo.fetch(), code('GIT_UNREACHABLE'))
  const tookMs = performance.now() - begunMs
  server.trouble('none')
  assert.ok(tookMs < 2_900, `${tookMs} ms`)
  await repo.close()
})

test('a login is shown to the server, and one that is wrong is told as git tells it', async () => {
  const { bare, tip } = await opened('login.git')
  server.requireLogin('ci', 'open-sesame')
  const repo = await open(server.url('login.git', { user: 'ci', password: 'open-sesame' }))
  await repo.tip()
  foreign(bare)
  assert.equal(await repo.fetch(), tip())
  server.requireLogin('ci', 'changed')
  await assert.rejects(repo.fetch(), code('GIT_DENIED'))
  server.requireLogin('ci', 'open-sesame')
  assert.equal(await repo.fetch(), tip())
  await repo.close()
})
