/**
 * Remotes of every kind: SSH through a program that does what sshd does, odd branches, protected branches, several mgo on
 * one mirror.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { git, makeBare } from '../git-server.ts'
import { makeMgo } from '../mgo.ts'
import { code, deploy, open, path, root, server, text, tidy, untouched } from '../remote.ts'

after(tidy)

/** What sshd does: it runs the last argument as a command. */
function sshProgram(): string {
  const folder = mkdtempSync(join(root, 'ssh-'))
  const program = join(folder, 'ssh')
  const script = `#!/bin/sh
printf '%s\\n' "$*" >> '${folder}/calls'
case "$*" in *stranger@*) echo 'stranger@git.example.com: Permission denied (publickey).' >&2; exit 255 ;; esac
case "$*" in *unknown.example.com*) echo 'Host key verification failed.' >&2; exit 255 ;; esac
for last; do :; done
cd '${server.root}' && exec sh -c "$last"
`
  writeFileSync(program, script)
  chmodSync(program, 0o755)
  return program
}

test('over SSH, by URL and by the short form', async () => {
  const bare = makeBare(server.root, 'ssh.git', { [path]: text() })
  const ssh = sshProgram()
  for (const [i, where] of [`ssh://git@git.example.com${bare}`, 'git@git.example.com:ssh.git'].entries()) {
    const outcome = await deploy(await open(where, { env: { GIT_SSH_COMMAND: ssh } }), `v${i + 2}`)
    assert.equal(outcome?.kind, 'committed')
    assert.match(git(bare, 'show', `main:${path}`), new RegExp(`tag: v${i + 2}`))
  }
  assert.match(readFileSync(join(ssh, '..', 'calls'), 'utf8'), /git@git\.example\.com git-receive-pack/)
})

test('SSH without the right key, and an unknown host, say what to do', async () => {
  const env = { GIT_SSH_COMMAND: sshProgram() }
  await assert.rejects(open('stranger@git.example.com:ssh.git', { env }), code('GIT_DENIED', /key or token/))
  await assert.rejects(open('git@unknown.example.com:ssh.git', { env }), code('GIT_UNREACHABLE', /known_hosts/))
})

test('a server that lets read and not push says so', async () => {
  const bare = makeBare(server.root, 'readonly.git', { [path]: text() })
  git(bare, 'config', 'http.receivepack', 'false')
  const repo = await open(server.url('readonly.git'))
  await assert.rejects(deploy(repo), code('GIT_DENIED', /push/))
})

test('a protected branch refuses once, with the server’s words, and nothing is tried again', async () => {
  const bare = makeBare(server.root, 'protected.git', { [path]: text() })
  const hook = join(bare, 'hooks', 'update')
  writeFileSync(hook, '#!/bin/sh\necho "GH006: Protected branch update failed for $1." >&2\nexit 1\n')
  chmodSync(hook, 0o755)
  const before = server.pushes()
  const outcome = await deploy(await open(server.url('protected.git')))
  assert.ok(outcome?.kind === 'refused')
  assert.equal(outcome.problems[0]?.code, 'GIT_REFUSED')
  assert.match(outcome.problems[0]?.message ?? '', /Protected branch update failed/)
  assert.equal(server.pushes() - before, 1)
})

let names = 0
for (const branch of ['release/2026.11', 'prod@eu', "it's-a-branch", 'ünïcode', 'HEAD-2', 'a.b', '@'])
  test(`a branch of the name ${branch}`, async () => {
    const name = `branch-${names++}.git`
    const bare = makeBare(server.root, name, { [path]: text() })
    git(bare, 'update-ref', `refs/heads/${branch}`, 'refs/heads/main')
    const outcome = await deploy(await open(server.url(name), { branch }))
    assert.equal(outcome?.kind, 'committed')
    assert.equal(git(bare, 'rev-list', '--count', `refs/heads/${branch}`).trim(), '2')
    assert.equal(git(bare, 'rev-list', '--count', 'refs/heads/main').trim(), '1')
  })

for (const branch of ['-x', '--force', 'a..b', 'a b', 'a\nb', 'x.lock', '@{-1}', 'refs/heads/../x', 'a:b'])
  test(`no name for a branch: ${JSON.stringify(branch)}`, async () => {
    await assert.rejects(open(server.url(untouched), { branch }), code('GIT_URL_INVALID'))
  })

test('a branch that is not there is told with its name', async () => {
  makeBare(server.root, 'nobranch.git', { [path]: text() })
  const repo = await open(server.url('nobranch.git'), { branch: 'nowhere' })
  await assert.rejects(deploy(repo), code('GIT_NOT_A_REPO', /nowhere/))
})

test('several mgo on one mirror, begun at the same moment', async () => {
  const sources = ['a', 'b', 'c']
  const bare = makeBare(
    server.root,
    'shared.git',
    Object.fromEntries(sources.map((one) => [`installations/prod/${one}-values.yaml`, text(`github.com/acme/${one}`)])),
  )
  const mgo = makeMgo({ repo: server.url('shared.git') })
  const runs = sources.map((one) =>
    mgo.run(
      'deploy',
      '--cluster',
      'prod',
      '--source',
      `github.com/acme/${one}`,
      '--image',
      'acme/app:v2',
      '--author',
      one,
      '--commit-only',
    ),
  )
  for (const ran of await Promise.all(runs)) assert.equal(ran.code, 0, ran.stderr)
  assert.equal(git(bare, 'rev-list', '--count', 'main').trim(), String(sources.length + 1))
  mgo.remove()
})

test('a mirror whose owner died with a lock goes on', async () => {
  const bare = makeBare(server.root, 'locked.git', { [path]: text() })
  const mine = join(root, 'mirrors-locked')
  assert.equal((await deploy(await open(server.url('locked.git'), { mirrors: mine })))?.kind, 'committed')
  const mirror = readdirSync(mine).find((name) => name !== 'home') ?? ''
  mkdirSync(join(mine, mirror, 'refs', 'mgo', 'heads'), { recursive: true })
  writeFileSync(join(mine, mirror, 'refs', 'mgo', 'heads', 'main.lock'), '')
  git(bare, 'update-ref', 'refs/heads/main', git(bare, 'commit-tree', '-p', 'main', '-m', 'x', 'main^{tree}').trim())
  assert.equal((await deploy(await open(server.url('locked.git'), { mirrors: mine }), 'v3'))?.kind, 'committed')
})
