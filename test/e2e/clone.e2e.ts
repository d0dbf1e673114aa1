/**
 * A clone with a work tree: the commit is made on the checked-out branch, only the edited files change, and the push goes
 * to the upstream.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Commit } from '../../src/release/ids.ts'
import { before, cloned, code, deploy, opened, path, root } from '../clones.ts'
import { git } from '../git-server.ts'

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

/** Somebody else pushes a commit of their own. */
function pushedByOthers(bare: string, name: string): void {
  const other = join(root, name)
  git(root, 'clone', '--quiet', bare, other)
  writeFileSync(join(other, path), `${before}\n# theirs\n`)
  git(other, 'commit', '--quiet', '--all', '-m', 'Theirs')
  git(other, 'push', '--quiet')
}

test('where others pushed meanwhile, the commit goes on theirs, and the clone stays as it is', async () => {
  const { bare, clone } = cloned('behind')
  pushedByOthers(bare, 'behind-other')
  const lying = readFileSync(join(clone, path), 'utf8')
  const theirs = git(bare, 'show', `main:${path}`)
  const [outcome] = await deploy(clone)
  assert.equal(outcome?.kind, 'committed')
  assert.equal(git(bare, 'rev-list', '--count', 'main').trim(), '3')
  assert.equal(git(bare, 'show', `main:${path}`), theirs.replace('v1', 'v2'))
  assert.match(theirs, /# theirs/)
  assert.equal(git(clone, 'rev-list', '--count', 'HEAD').trim(), '1')
  assert.equal(git(clone, 'status', '--porcelain').trim(), '')
  assert.equal(readFileSync(join(clone, path), 'utf8'), lying)
})

test('six jobs, each in a clone of its own, all get through', async () => {
  const { bare } = cloned('jobs')
  const clones = Array.from({ length: 6 }, (_, i) => {
    git(root, 'clone', '--quiet', '--depth', '1', `file://${bare}`, `jobs-${i}`)
    return join(root, `jobs-${i}`)
  })
  const outcomes = await Promise.all(clones.map((clone, i) => deploy(clone, false, `v${i + 10}`)))
  assert.deepEqual(
    outcomes.map(([outcome]) => outcome?.kind),
    clones.map(() => 'committed'),
  )
  assert.equal(git(bare, 'rev-list', '--count', 'main').trim(), '7')
})

test('a clone that parted from its upstream is refused', async () => {
  const { bare, clone } = cloned('parted')
  pushedByOthers(bare, 'parted-other')
  git(clone, 'commit', '--quiet', '--allow-empty', '-m', 'Mine')
  await assert.rejects(deploy(clone), code('GIT_BEHIND'))
  assert.equal(git(clone, 'rev-list', '--count', 'HEAD').trim(), '2')
  assert.equal(git(bare, 'rev-list', '--count', 'main').trim(), '2')
})

test('the work tree is read as it lies there, also before the first commit', async () => {
  const folder = join(root, 'unborn')
  git(root, 'init', '--quiet', folder)
  mkdirSync(join(folder, 'installations/prod'), { recursive: true })
  writeFileSync(join(folder, path), before)
  writeFileSync(join(folder, '.gitignore'), 'ignored-values.yaml\n')
  writeFileSync(join(folder, 'installations/prod/ignored-values.yaml'), before)
  symlinkSync('app-values.yaml', join(folder, 'installations/prod/link-values.yaml'))
  const repo = await opened(folder, true)
  const { workTree } = repo
  const none = '0'.repeat(40) as Commit
  const tree = await workTree?.tree(none, 'installations')
  assert.deepEqual(
    [...(tree ?? [])].map(([file, { mode }]) => `${mode} ${file}`),
    [`100644 ${path}`, '120000 installations/prod/link-values.yaml'],
  )
  assert.equal(new TextDecoder().decode((await workTree?.read([path]))?.get(path)), before)
  await assert.rejects(async () => workTree?.read([path], 10), code('FILE_TOO_LARGE'))
  await repo.close()
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

test('a commit that is checked out, as CI does it, can be read and not written', async () => {
  const { clone } = cloned('detached')
  git(clone, 'checkout', '--quiet', '--detach')
  const repo = await opened(clone, false)
  assert.equal(await repo.fetch(), git(clone, 'rev-parse', 'HEAD').trim())
  await repo.close()
  await assert.rejects(deploy(clone), code('GIT_NOT_A_REPO'))
})

test('a tag of the branch’s name confuses nobody, and no ref is left behind', async () => {
  const { bare, clone } = cloned('tagged')
  git(clone, 'tag', 'main')
  const refs = git(clone, 'for-each-ref', '--format=%(refname)')
  assert.equal((await deploy(clone))[0]?.kind, 'committed')
  assert.equal(git(clone, 'for-each-ref', '--format=%(refname)'), refs)
  assert.equal(git(bare, 'rev-list', '--count', 'refs/heads/main').trim(), '2')
})

test('line ends that git was told to write stay as they lie in the work tree, and the commit has its own', async () => {
  const { bare, clone } = cloned('autocrlf')
  const committed = git(bare, 'show', `main:${path}`)
  writeFileSync(join(clone, '.git', 'info', 'attributes'), '*.yaml text eol=crlf\n')
  rmSync(join(clone, path))
  git(clone, 'checkout', '--', path)
  assert.equal(readFileSync(join(clone, path), 'utf8'), committed.replaceAll('\n', '\r\n'))
  assert.equal((await deploy(clone))[0]?.kind, 'committed')
  const after = committed.replace('app:v1', 'app:v2')
  assert.equal(git(bare, 'show', `main:${path}`), after)
  assert.equal(readFileSync(join(clone, path), 'utf8'), after.replaceAll('\n', '\r\n'))
  assert.equal(git(clone, 'status', '--porcelain'), '')
})

test('a file that a sparse checkout leaves out stays out', async () => {
  const { bare, clone } = cloned('sparse')
  git(clone, 'sparse-checkout', 'set', '--no-cone', '/README.md')
  assert.equal(existsSync(join(clone, path)), false)
  assert.equal((await deploy(clone))[0]?.kind, 'committed')
  assert.equal(existsSync(join(clone, path)), false)
  assert.equal(git(clone, 'status', '--porcelain'), '')
  assert.match(git(bare, 'show', `main:${path}`), /app:v2/)
})

test('a second work tree, a shallow clone and a signing key are no trouble', async () => {
  const { bare, clone } = cloned('second')
  const second = join(root, 'second-tree')
  git(clone, 'worktree', 'add', '--quiet', '--track', '-b', 'side', second, 'origin/main')
  git(clone, 'config', 'commit.gpgsign', 'true')
  assert.equal((await deploy(second))[0]?.kind, 'committed')
  assert.match(readFileSync(join(second, path), 'utf8'), /app:v2/)
  const shallow = join(root, 'shallow')
  git(root, 'clone', '--quiet', '--depth=1', `file://${bare}`, shallow)
  assert.equal((await deploy(shallow, false, 'v3'))[0]?.kind, 'committed')
  assert.match(git(bare, 'show', `main:${path}`), /app:v3/)
})

test('an upstream that is a path counts from the clone, wherever mgo is started', async () => {
  const { bare, clone } = cloned('relative')
  git(clone, 'remote', 'set-url', 'origin', '../relative.git')
  assert.equal((await deploy(clone))[0]?.kind, 'committed')
  assert.equal(git(bare, 'rev-list', '--count', 'main').trim(), '2')
})

test('a file that is a link, or lies behind one, in the work tree is refused', async () => {
  const { clone } = cloned('linked')
  const elsewhere = join(root, 'elsewhere')
  mkdirSync(elsewhere)
  renameSync(join(clone, 'installations', 'prod'), join(elsewhere, 'prod'))
  symlinkSync(join(elsewhere, 'prod'), join(clone, 'installations', 'prod'))
  await assert.rejects(deploy(clone), code('GIT_DIRTY'))
})
