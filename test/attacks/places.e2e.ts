/**
 * What mgo is pointed at and must not believe: addresses that are commands, git servers and clusters that somebody else
 * has taken over. The programs are the real ones.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { git, makeBare, startGitServer } from '../git-server.ts'
import { makeMgo } from '../mgo.ts'

const root = mkdtempSync(join(tmpdir(), 'mgo-places-'))
const canary = join(root, 'canary')
const gitServer = await startGitServer()
const listeners: Server[] = []

async function listen(answer: RequestListener): Promise<string> {
  const listener = createServer(answer)
  listeners.push(listener)
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(listener.address() as AddressInfo).port}`
}

const raw = (name: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name}, namespace: app }\n`
const bad = ['endless', 'redirect', 'list', 'page', 'nothing'] as const
const repo = makeBare(root, 'repo.git', {
  ...Object.fromEntries(bad.map((name) => [`installations/${name}/net-raw.yaml`, raw(name)])),
  'installations/good/net-raw.yaml': raw('net'),
})
const kubeconfig = join(root, 'kubeconfig')
const mgo = makeMgo({ repo, kubeconfig })
after(async () => {
  for (const one of listeners) {
    one.closeAllConnections()
    one.close()
  }
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
  const tree = spawnSync('git', ['hash-object', '-t', 'tree', '-w', '--stdin', '--literally'], { cwd: bare, input })
  const commit = git(bare, 'commit-tree', '-m', 'evil', tree.stdout.toString().trim()).trim()
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

function endless(response: ServerResponse): void {
  response.write('{"kind":"ConfigMapList","items":[{"metadata":{"name":"')
  const more = () => {
    while (!response.destroyed && response.write('x'.repeat(256 * 1024)));
    response.once('drain', more)
  }
  more()
}

test('S26: clusters that somebody else has taken over end with their error, and cost nobody else anything', async () => {
  const asked: string[] = []
  const elsewhere = await listen((request, response) => {
    asked.push(request.url ?? '')
    response.end('{}')
  })
  const answers: Readonly<Record<(typeof bad)[number], RequestListener>> = {
    endless: (_, response) => endless(response),
    redirect: (request, response) => response.writeHead(307, { location: `${elsewhere}${request.url ?? ''}` }).end(),
    list: (_, response) => response.end('[]'),
    page: (_, response) => response.end('<html>sign in</html>'),
    nothing: (_, response) => response.end('{"items":[null],"groups":[null],"metadata":[1],"resources":{}}'),
  }
  const urls = await Promise.all(bad.map(async (name) => [name, await listen(answers[name])] as const))
  const named = urls.map(([name, server]) => ({ name, cluster: { server } }))
  const contexts = bad.map((name) => ({ name, context: { cluster: name, user: 'mgo' } }))
  const users = [{ name: 'mgo', user: { token: 'token-of-the-clusters' } }]
  const config = { apiVersion: 'v1', kind: 'Config', clusters: named, contexts, users }
  writeFileSync(kubeconfig, JSON.stringify(config), { mode: 0o600 })
  const server = await mgo.serve()
  try {
    const plans = bad.map(async (name) => {
      const answer = await fetch(`${server.url}/v1/clusters/${name}/plan`)
      return { name, status: answer.status, text: await answer.text() }
    })
    const begun = performance.now()
    assert.equal((await fetch(`${server.url}/healthz`)).status, 200)
    assert.ok(performance.now() - begun < 1_000)
    for (const { name, status, text } of await Promise.all(plans)) {
      assert.ok(status >= 500, `${name}: ${status} ${text.slice(0, 200)}`)
      assert.match(text, /"code":"KUBE_/, name)
      assert.ok(!text.includes('token-of-the-clusters') && text.length < 10_000, name)
    }
    assert.deepEqual(asked, [])
    const [, rss = '0'] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8')) ?? []
    assert.ok(Number(rss) < 900 * 1024, `${rss} KiB`)
    assert.ok(!server.log().includes('token-of-the-clusters'))
  } finally {
    await server.kill()
  }
})
