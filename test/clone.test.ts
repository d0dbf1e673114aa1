/**
 * A clone with a work tree: the commit is made on the checked-out branch, only the edited files change, and the push goes
 * to the upstream.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { commitBatch } from '../src/deploy/commit.ts'
import { MgoError } from '../src/error.ts'
import { openRepo } from '../src/git/repo.ts'
import type { Clock } from '../src/ports.ts'
import { type Cluster, requestId } from '../src/release/ids.ts'
import type { DeployRequest } from '../src/release/request.ts'
import { git, makeBare } from './git-server.ts'

const root = mkdtempSync(join(tmpdir(), 'mgo-clone-'))
after(() => rmSync(root, { recursive: true, force: true }))

const clock: Clock = {
  now: () => Date.now(),
  id: () => requestId(Date.now(), randomBytes(16)),
  sleep: async () => undefined,
}
const path = 'installations/prod/app-values.yaml'
const before =
  '__mygitops:\r\n  chart: ./chart\r\n  images:\r\n    src: { image: "acme/app:v1" }\r\n# no newline at the end'

function cloned(name: string): { readonly bare: string; readonly clone: string } {
  const bare = makeBare(root, `${name}.git`, {
    [path]: before,
    'README.md': 'hello\n',
    '.gitattributes': '*.yaml text eol=lf\n',
  })
  git(bare, 'config', 'core.autocrlf', 'false')
  git(root, 'clone', '--quiet', bare, name)
  return { bare, clone: join(root, name) }
}

const request = (): DeployRequest => ({
  id: clock.id(),
  cluster: 'prod' as Cluster,
  source: 'src',
  image: { repository: 'acme/app', tag: 'v2', digest: undefined },
  author: { name: 'Ada', email: 'ada@example.com' },
  acceptedAt: clock.now(),
})

async function deploy(clone: string, commitOnly = false) {
  const env = { PATH: process.env['PATH'] ?? '' }
  const options = { mirrors: join(root, 'state'), committer: { name: 'mgo', email: 'mgo@localhost' }, env, commitOnly }
  const repo = await openRepo(clone, options)
  try {
    const nothing = { tell: () => undefined, attempting: async () => undefined, unready: async () => new Map() }
    return await commitBatch([{ request: request() }], { repo, clock, ...nothing })
  } finally {
    await repo.close()
  }
}

function code(expected: string): (error: unknown) => boolean {
  return (error) => error instanceof MgoError && error.code === expected
}

test('only the meant bytes of the meant file change; what else is open stays as it is', async () => {
  const { bare, clone } = cloned('open')
  writeFileSync(join(clone, 'README.md'), 'my own words, not staged\n')
  writeFileSync(join(clone, 'staged.txt'), 'staged\n')
  git(clone, 'add', 'staged.txt')
  const committed = git(clone, 'show', `HEAD:${path}`)
  const [outcome] = await deploy(clone)
  assert.equal(outcome?.kind, 'committed')
  assert.equal(git(clone, 'show', `HEAD:${path}`), committed.replace('app:v1', 'app:v2'))
  assert.equal(readFileSync(join(clone, path), 'utf8'), committed.replace('app:v1', 'app:v2'))
  assert.equal(git(clone, 'rev-parse', 'HEAD'), git(bare, 'rev-parse', 'main'))
  assert.equal(git(clone, 'show', '--format=', '--name-only', 'HEAD').trim(), path)
  assert.match(git(clone, 'status', '--porcelain'), /^ M README.md$/m)
  assert.match(git(clone, 'status', '--porcelain'), /^A {2}staged.txt$/m)
  assert.doesNotMatch(git(clone, 'status', '--porcelain'), /app-values/)
})

test('--commit-only commits and pushes nothing', async () => {
  const { bare, clone } = cloned('only')
  const [outcome] = await deploy(clone, true)
  assert.equal(outcome?.kind, 'committed')
  assert.equal(git(clone, 'rev-list', '--count', 'HEAD').trim(), '2')
  assert.equal(git(bare, 'rev-list', '--count', 'main').trim(), '1')
})

test('a file with changes of its own is refused, and nothing is written', async () => {
  const { bare, clone } = cloned('dirty')
  writeFileSync(join(clone, path), `${before}\n# mine\n`)
  await assert.rejects(deploy(clone), code('GIT_DIRTY'))
  assert.equal(readFileSync(join(clone, path), 'utf8'), `${before}\n# mine\n`)
  assert.equal(git(bare, 'rev-list', '--count', 'main').trim(), '1')
})

test('a clone that is behind its upstream is refused', async () => {
  const { bare, clone } = cloned('behind')
  const other = join(root, 'behind-other')
  git(root, 'clone', '--quiet', bare, other)
  git(other, 'commit', '--quiet', '--allow-empty', '-m', 'Ahead')
  git(other, 'push', '--quiet')
  await assert.rejects(deploy(clone), code('GIT_BEHIND'))
  assert.equal(git(clone, 'rev-list', '--count', 'HEAD').trim(), '1')
})

test('a branch without an upstream says how to set one', async () => {
  const { clone } = cloned('alone')
  git(clone, 'checkout', '--quiet', '-b', 'mine')
  await assert.rejects(deploy(clone), code('GIT_NO_UPSTREAM'))
})

test('hooks and filters of the clone do not run', async () => {
  const { clone } = cloned('hooks')
  const canary = join(root, 'canary')
  for (const hook of ['pre-commit', 'pre-push', 'post-commit', 'reference-transaction'])
    writeFileSync(join(clone, '.git', 'hooks', hook), `#!/bin/sh\ntouch ${canary}\n`, { mode: 0o755 })
  const [outcome] = await deploy(clone)
  assert.equal(outcome?.kind, 'committed')
  assert.equal(existsSync(canary), false)
})
