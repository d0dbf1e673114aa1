/**
 * A git server that is not what it was (S27): it sends too much, sends trees that are an attack, or sends mgo elsewhere.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { openRepo } from '../../src/git/repo.ts'
import { openSecrets } from '../../src/secrets.ts'
import { git, gitFed, makeBare, startGitServer } from '../git-server.ts'

const root = mkdtempSync(join(tmpdir(), 'mgo-hostile-'))
const server = await startGitServer()
after(async () => {
  await server.close()
  rmSync(root, { recursive: true, force: true })
})

let mirrors = 0
async function fetchFrom(url: string, fetchLimit?: number): Promise<string | undefined> {
  const repo = await openRepo(url, {
    mirrors: join(root, String(mirrors++)),
    branch: 'main',
    committer: { name: 'mgo', email: 'mgo@localhost' },
    secrets: openSecrets(),
    env: { PATH: process.env['PATH'] ?? '' },
    ...(fetchLimit === undefined ? {} : { fetchLimit }),
  })
  try {
    return await repo.fetch()
  } finally {
    await repo.close()
  }
}

async function listen(answer: RequestListener): Promise<string> {
  const listener = createServer(answer)
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  after(() => listener.close())
  return `http://127.0.0.1:${(listener.address() as AddressInfo).port}`
}

test('S27: a pack over the limit: ended, told, and nothing of it stays on disk', async () => {
  makeBare(server.root, 'huge.git', { 'big.bin': randomBytes(32 * 1024 * 1024) })
  const own = mirrors
  await assert.rejects(fetchFrom(server.url('huge.git'), 64 * 1024), {
    code: 'GIT_FAILED',
    message: /more than 64 KiB/,
  })
  const left = readdirSync(join(root, String(own)), { recursive: true, encoding: 'utf8' })
  assert.deepEqual(
    left.filter((path) => /tmp_|\.pack$/.test(path)),
    [],
  )
  assert.match((await fetchFrom(server.url('huge.git'))) ?? '', /^[0-9a-f]{40}$/)
})

test('S27: a tree that would overwrite .git is refused by its shape', async () => {
  const bare = makeBare(server.root, 'evil.git', { 'x.yaml': 'a: 1\n' })
  const blob = git(bare, 'rev-parse', 'main:x.yaml').trim()
  const name = Buffer.from(`100644 .git\0`)
  const input = Buffer.concat([name, Buffer.from(blob, 'hex')])
  const tree = gitFed(bare, input, 'hash-object', '-t', 'tree', '-w', '--stdin', '--literally').trim()
  const commit = git(bare, 'commit-tree', '-m', 'evil', tree).trim()
  git(bare, 'update-ref', 'refs/heads/main', commit)
  await assert.rejects(fetchFrom(server.url('evil.git')), { code: 'GIT_FAILED' })
})

test('S27: a redirect is not followed: the other server sees no login, and no request at all', async () => {
  let asked = 0
  const elsewhere = await listen((_, response) => {
    asked++
    response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end()
  })
  const first = await listen((request, response) =>
    response.writeHead(302, { location: `${elsewhere}${request.url ?? ''}` }).end(),
  )
  await assert.rejects(fetchFrom(`${first.replace('//', '//mgo:pw-of-mgo@')}/repo.git`), (error: Error) => {
    assert.doesNotMatch(error.message, /pw-of-mgo/)
    return true
  })
  assert.equal(asked, 0)
})
