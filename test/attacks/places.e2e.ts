/**
 * What mgo is pointed at and must not believe: addresses that are commands, git servers that somebody else has taken over.
 * The programs are the real ones. neighbours.e2e.ts has clusters, and those beside them.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { git, gitFed, makeBare, startGitServer } from '../git-server.ts'
import { makeMgo } from '../mgo.ts'
import { closeListeners, listen } from './listener.ts'

const root = mkdtempSync(join(tmpdir(), 'mgo-places-'))
const canary = join(root, 'canary')
const gitServer = await startGitServer()

const repo = makeBare(root, 'repo.git', {})
const mgo = makeMgo({ repo })
after(async () => {
  closeListeners()
  await gitServer.close()
  mgo.remove()
  rmSync(root, { recursive: true, force: true })
})

const addresses = [
  `ext::sh -c touch% ${canary}`,
  `EXT::sh -c touch% ${canary}`,
  'eXt::sh -c x',
  'file:///etc',
  'FILE:///etc',
  'git://127.0.0.1/x',
  'fd::17/x',
  `ssh://-oProxyCommand=touch%20${canary}/x`,
  `-oProxyCommand=touch ${canary}:repo`,
  `--upload-pack=touch ${canary}`,
  `git@-oProxyCommand=x:repo`,
]
for (const address of addresses)
  test(`S2: ${address.replace(canary, 'x')} is no address of a gitops repo`, async () => {
    const about = ['--cluster', 'c', '--source', 's', '--image', 'a/b:v1', '--author', 'a']
    const ended = await mgo.run('deploy', `--gitops-repo=${address}`, ...about)
    // What looks like no address at all is looked for on disk.
    assert.ok([2, 4].includes(ended.code), ended.stderr)
    assert.match(ended.stderr, /GIT_URL_INVALID|GIT_NOT_A_REPO/)
    assert.equal(existsSync(canary), false)
  })

test('S2: a server is not started on such an address, either', async () => {
  const ended = await mgo.run('serve', '--listen', '127.0.0.1:0', '--gitops-repo', `ext::sh -c touch% ${canary}`)
  assert.equal(ended.code, 2, ended.stderr)
  assert.equal(existsSync(canary), false)
})

const deployTo = (address: string) =>
  mgo.run('deploy', '--gitops-repo', address, '--cluster', 'c', '--source', 's', '--image', 'a/b:v1', '--author', 'a')

test('S27: a tree that would overwrite .git is refused', async () => {
  const bare = makeBare(gitServer.root, 'evil.git', { 'x.yaml': 'a: 1\n' })
  const blob = git(bare, 'rev-parse', 'main:x.yaml').trim()
  const input = Buffer.concat([Buffer.from('100644 .git\0'), Buffer.from(blob, 'hex')])
  const tree = gitFed(bare, input, 'hash-object', '-t', 'tree', '-w', '--stdin', '--literally').trim()
  const commit = git(bare, 'commit-tree', '-m', 'evil', tree).trim()
  git(bare, 'update-ref', 'refs/heads/main', commit)
  const ended = await deployTo(gitServer.url('evil.git'))
  assert.equal(ended.code, 4, ended.stderr)
  assert.match(ended.stdout + ended.stderr, /GIT_FAILED/)
})

test('S27: a redirect is not followed, and the login stays with its server', async () => {
  const asked: string[] = []
  const elsewhere = await listen((request, response) => {
    asked.push(request.headers.authorization ?? '')
    response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end()
  })
  const first = await listen((request, response) =>
    response.writeHead(302, { location: `${elsewhere}${request.url ?? ''}` }).end(),
  )
  const ended = await deployTo(`${first.replace('//', '//mgo:pw-of-mgo@')}/repo.git`)
  assert.equal(ended.code, 4, ended.stderr)
  assert.doesNotMatch(ended.stderr, /pw-of-mgo/)
  assert.deepEqual(asked, [])
})
