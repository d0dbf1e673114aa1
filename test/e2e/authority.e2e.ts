/**
 * A git server with a certificate of an authority of its own, as companies have it: named as git users name it, both ways to
 * push go through; named wrongly or not at all, the error says what to set, and nothing is written.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createServer } from 'node:tls'
import { after, test } from 'node:test'
import { git, makeBare } from '../git-server.ts'
import { code, deploy, open, path, root, server, text, tidy } from '../remote.ts'
import { makeCerts } from '../rig/certs.ts'

const [own, foreign] = ['own', 'foreign'].map((name) => {
  const folder = join(root, name)
  mkdirSync(folder)
  makeCerts(folder)
  return folder
}) as [string, string]
const ca = join(own, 'ca.crt')

/** TLS before the git server. */
const front = createServer(
  { key: readFileSync(join(own, 'server.key')), cert: readFileSync(join(own, 'server.crt')) },
  (socket) => {
    const inner = connect(Number(new URL(server.url('x')).port), '127.0.0.1')
    for (const one of [socket, inner])
      one.on('error', () => undefined).on('close', () => (socket.destroy(), inner.destroy()))
    socket.pipe(inner).pipe(socket)
  },
)
// A handshake that the other side gives up is what some of these tests are about.
front.on('tlsClientError', () => undefined)
await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve))
const url = (repo: string) => `https://127.0.0.1:${(front.address() as AddressInfo).port}/${repo}`
after(async () => {
  await new Promise((resolve) => front.close(resolve))
  await tidy()
})

function bare(name: string): string {
  return makeBare(server.root, name, { [path]: text() })
}

/** A git that cannot do one thing, before the real one. */
function gitWithout(command: string): string {
  const folder = join(root, `without-${command}`)
  mkdirSync(folder, { recursive: true })
  writeFileSync(
    join(folder, 'git'),
    `#!/bin/sh\ncase " $* " in *" ${command} "*) echo "no ${command} here" >&2; exit 1 ;; esac\nPATH="${process.env['PATH'] ?? ''}"\nexec git "$@"\n`,
  )
  chmodSync(join(folder, 'git'), 0o755)
  return `${folder}:${process.env['PATH'] ?? ''}`
}

test('GIT_SSL_CAINFO: one POST, without git push', async () => {
  const there = bare('post.git')
  const outcome = await deploy(await open(url('post.git'), { env: { GIT_SSL_CAINFO: ca, PATH: gitWithout('push') } }))
  assert.equal(outcome?.kind, 'committed')
  assert.equal(git(there, 'rev-list', '--count', 'main').trim(), '2')
})

test('http.sslCAInfo of a person’s own settings: the POST is left to git push', async () => {
  const there = bare('config.git')
  const config = join(root, 'gitconfig')
  writeFileSync(config, `[http]\n\tsslCAInfo = ${ca}\n`)
  const outcome = await deploy(await open(url('config.git'), { env: { GIT_CONFIG_GLOBAL: config } }))
  assert.equal(outcome?.kind, 'committed')
  assert.equal(git(there, 'rev-list', '--count', 'main').trim(), '2')
})

for (const [why, env] of [
  ['no authority', {}],
  ['another authority', { GIT_SSL_CAINFO: join(foreign, 'ca.crt') }],
  ['a file that is not there', { GIT_SSL_CAINFO: join(root, 'nowhere.crt') }],
] as const)
  test(`${why}: the error says what to name`, async () => {
    const there = bare(`${why.replaceAll(' ', '-')}.git`)
    const opened = async () => deploy(await open(url(`${why.replaceAll(' ', '-')}.git`), { env }))
    await assert.rejects(opened, code('GIT_UNREACHABLE', /cert.*GIT_SSL_CAINFO/i))
    assert.equal(git(there, 'rev-list', '--count', 'main').trim(), '1')
  })
