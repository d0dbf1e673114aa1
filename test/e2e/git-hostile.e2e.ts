/**
 * What is hostile to the git side: fields that fast-import would obey, paths that leave the repo, entries that are no
 * plain files.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { git, makeBare, put } from '../git-server.ts'
import { code, deploy, open, path, root, server, text, tidy, untouched } from '../remote.ts'

after(tidy)

let names = 0
const fields: [why: string, author: { name: string; email: string }][] = [
  [
    'a newline and a command',
    { name: 'Eve\n\ncommit refs/heads/backdoor\ncommitter x <x> 0 +0000\ndata 0\n', email: 'e@x' },
  ],
  ['a NUL', { name: 'Eve\0', email: 'e@x' }],
  ['a second address', { name: 'Eve <a@b', email: 'e@x' }],
  ['a newline in the address', { name: 'Eve', email: 'e@x>\nfrom refs/heads/main' }],
]
for (const [why, author] of fields)
  test(`S3: fast-import is given no ${why}`, async () => {
    const name = `fields-${names++}.git`
    const bare = makeBare(server.root, name, { [path]: text() })
    const repo = await open(server.url(name))
    const base = await repo.tip()
    const files = new Map([[path, Buffer.from('x: 1\n')]])
    await assert.rejects(repo.write(base, [{ files, message: 'm', author, at: 0 }]), /forbidden character/)
    assert.equal(git(bare, 'for-each-ref').trim().split('\n').length, 1)
    await repo.close()
  })

test('S4: a message is only text, whatever stands in it', async () => {
  const bare = makeBare(server.root, 'message.git', { [path]: text() })
  const repo = await open(server.url('message.git'))
  const base = await repo.tip()
  const message = `one\n\nfrom 0000\nreset refs/heads/backdoor\nfrom refs/heads/main\ndone\n${'x'.repeat(10_000)}`
  const [next] = await repo.write(base, [
    { files: new Map([[path, Buffer.from('x: 1\n')]]), message, author: { name: 'a', email: 'a@b' }, at: 0 },
  ])
  assert.ok(next)
  assert.equal((await repo.push(base, next)).kind, 'pushed')
  assert.equal(git(bare, 'log', '-1', '--format=%B', 'main').trim(), message)
  assert.equal(git(bare, 'for-each-ref').trim().split('\n').length, 1)
  await repo.close()
})

const paths = [
  '../x',
  '/etc/x',
  '.git/hooks/x',
  'a/.GIT/x',
  'a/.git./x',
  'a\\b',
  'a\0b',
  'a\nb',
  'a/x.',
  'a/x ',
  'u\u0308',
  'a//b',
  './a',
  '"x"',
  `${'a/'.repeat(600)}b`,
]
for (const hostile of paths)
  test(`S5: no file is written to ${JSON.stringify(hostile.slice(0, 30))}`, async () => {
    const repo = await open(server.url(untouched), { mirrors: join(root, 'mirrors-paths') })
    const commit = {
      files: new Map([[hostile, Buffer.from('x')]]),
      message: 'm',
      author: { name: 'a', email: 'a@b' },
      at: 0,
    }
    await assert.rejects(repo.write(await repo.tip(), [commit]), code('EDIT_UNSAFE'))
    await repo.close()
  })

/** A repo whose files have modes and sizes that no values file has. */
function oddRepo(name: string): string {
  const bare = makeBare(server.root, name, {
    [path]: text(),
    'installations/prod/ok-values.yaml': text('github.com/acme/ok'),
  })
  const work = mkdtempSync(join(root, 'odd-'))
  git(work, 'clone', '--quiet', bare, '.')
  put(work, {
    'installations/prod/large-values.yaml': `${text('github.com/acme/large')}# ${'x'.repeat(6 * 1024 * 1024)}\n`,
    'installations/prod/lfs-values.yaml': 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n',
    'installations/prod/run-values.yaml': text('github.com/acme/run'),
  })
  git(work, 'add', '--all')
  git(work, 'update-index', '--chmod=+x', 'installations/prod/run-values.yaml')
  const blob = git(work, 'rev-parse', `HEAD:${path}`).trim()
  const commit = git(work, 'rev-parse', 'HEAD').trim()
  git(work, 'update-index', '--add', '--cacheinfo', `120000,${blob},installations/prod/link-values.yaml`)
  git(work, 'update-index', '--add', '--cacheinfo', `160000,${commit},installations/prod/sub-values.yaml`)
  git(work, 'commit', '--quiet', '-m', 'Odd')
  git(work, 'push', '--quiet')
  return bare
}

test('S6: links, submodules, executables, LFS and large files hurt only who means them', async () => {
  const bare = oddRepo('odd.git')
  const where = server.url('odd.git')
  assert.equal((await deploy(await open(where)))?.kind, 'committed')
  const outcome = await deploy(await open(where), 'v2', 'github.com/acme/large')
  assert.ok(outcome?.kind === 'refused')
  const told = outcome.problems.map((one) => `${one.code} ${one.at?.file ?? ''} ${one.message}`).join('\n')
  for (const says of [
    /SOURCE_UNKNOWN/,
    /FILE_TOO_LARGE .*large-values/,
    /lfs-values.* Git LFS/,
    /run-values.* executable/,
    /link-values.* symbolic link/,
    /sub-values.* submodule/,
  ])
    assert.match(told, says)
  assert.equal(git(bare, 'rev-list', '--count', 'main').trim(), '3')
})
