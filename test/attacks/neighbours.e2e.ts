/**
 * What somebody else has taken over costs its neighbours nothing: while API servers lie, hang on and never stop sending, a real
 * cluster of the same server is deployed to, by a caller and by a hook; and a git server that never stops sending is cut off.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { RequestListener, ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { makeBare } from '../git-server.ts'
import { chart, makeMgo, type Server, values } from '../mgo.ts'
import { startRig } from '../rig/rig.ts'
import { closeListeners, listen } from './listener.ts'

const root = mkdtempSync(join(tmpdir(), 'mgo-neighbours-'))
const rig = await startRig({ name: 'good' })
const bad = ['endless', 'redirect', 'list', 'page', 'nothing', 'silent'] as const
const repo = makeBare(root, 'repo.git', {
  ...chart,
  ...Object.fromEntries(['good', ...bad].map((name) => [`installations/${name}/web-values.yaml`, values('web')])),
})
const hookId = 'an-id-that-nobody-guesses-0123'
const config = join(root, 'mgo.server.yaml')
writeFileSync(
  config,
  `hooks:
  pushes:
    vendor: quay
    idEnv: HOOK_ID
    images: [{ repository: "localhost:5000/acme/web", source: github.com/acme/web, clusters: [good], tags: any }]
`,
)
const kubeconfig = join(root, 'kubeconfig')
const mgo = makeMgo({ repo, kubeconfig, helm: join(rig.bin, 'helm4'), env: { HOOK_ID: hookId, MGO_CONFIG: config } })
let server: Server | undefined
after(async () => {
  await server?.kill()
  closeListeners()
  await rig.stop()
  mgo.remove()
  rmSync(root, { recursive: true, force: true })
})

function flood(response: ServerResponse, chunk: string | Buffer): void {
  while (!response.destroyed && response.write(chunk));
  response.once('drain', () => flood(response, chunk))
}

const asked: string[] = []
const elsewhere = await listen((request, response) => {
  asked.push(request.url ?? '')
  response.end('{}')
})
const hostile: Readonly<Record<(typeof bad)[number], RequestListener>> = {
  endless: (_, response) => {
    response.write('{"kind":"ConfigMapList","items":[{"metadata":{"name":"')
    flood(response, 'x'.repeat(256 * 1024))
  },
  redirect: (request, response) => response.writeHead(307, { location: `${elsewhere}${request.url ?? ''}` }).end(),
  list: (_, response) => response.end('[]'),
  page: (_, response) => response.end('<html>sign in</html>'),
  nothing: (_, response) => response.end('{"items":[null],"groups":[null],"metadata":[1],"resources":{}}'),
  silent: () => undefined,
}

type Named = { readonly name: string }
type Config = {
  clusters: (Named & { cluster: object })[]
  contexts: (Named & { context: object })[]
  users: (Named & { user: object })[]
}

/** The rig's own, and a context for each hostile server. */
async function writeKubeconfig(): Promise<void> {
  const all = JSON.parse(readFileSync(rig.kubeconfig, 'utf8')) as Config
  all.users.push({ name: 'mgo', user: { token: 'token-of-the-clusters' } })
  for (const name of bad) {
    all.clusters.push({ name, cluster: { server: await listen(hostile[name]) } })
    all.contexts.push({ name, context: { cluster: name, user: 'mgo' } })
  }
  writeFileSync(kubeconfig, JSON.stringify(all), { mode: 0o600 })
}

async function ask(path: string, body?: unknown): Promise<{ readonly status: number; readonly text: string }> {
  const headers = { 'content-type': 'application/json' }
  const init = body === undefined ? {} : { method: 'POST', headers, body: JSON.stringify(body) }
  const answer = await fetch(`${server?.url}${path}`, init)
  return { status: answer.status, text: await answer.text() }
}

const image = 'localhost:5000/acme/web'
const wish = (cluster: string, tag: string) => ({
  cluster,
  source: 'github.com/acme/web',
  image: `${image}:${tag}`,
  author: 'Ada <a@b.c>',
})

/** Somebody who has all the time: deploys and plans on every hostile cluster, again and again. */
async function attack(name: (typeof bad)[number], until: AbortSignal) {
  const said: string[] = []
  for (let turn = 0; !until.aborted; turn++) {
    said.push((await ask('/v1/deploys', wish(name, `v${turn}`))).text)
    if (name !== 'silent') said.push((await ask(`/v1/clusters/${name}/plan`)).text)
    await pause(50)
  }
  return { name, said }
}

test('S26: clusters that somebody else has taken over end with their error, and cost nobody else anything', async () => {
  await writeKubeconfig()
  server = await mgo.serve()
  const over = new AbortController()
  const attacks = bad.map((name) => attack(name, over.signal))
  await pause(1_000)
  for (const tag of ['v2', 'v3']) {
    const begun = performance.now()
    const { status, text } = await ask('/v1/deploys?wait=60s', wish('good', tag))
    assert.equal(status, 200, text)
    assert.match(text, /"verdict":"healthy"/)
    assert.ok(performance.now() - begun < 30_000)
  }
  const pushed = { repository: 'acme/web', docker_url: image, updated_tags: ['v4'] }
  const delivered = await ask(`/webhooks/quay/${hookId}`, pushed)
  assert.equal(delivered.status, 202, delivered.text)
  const [deploy] = (JSON.parse(delivered.text) as { readonly deploys: readonly { readonly id: string }[] }).deploys
  assert.match((await ask(`/v1/deploys/${deploy?.id}?wait=60s`)).text, /"verdict":"healthy"/)
  const begun = performance.now()
  assert.equal((await ask('/healthz')).status, 200)
  assert.ok(performance.now() - begun < 1_000)
  over.abort()
  for (const { name, said } of await Promise.all(attacks)) {
    if (name !== 'silent') assert.match(said.join('\n'), /"code":"KUBE_/, name)
    for (const text of said) assert.ok(!text.includes('token-of-the-clusters') && text.length < 10_000, name)
  }
  assert.deepEqual(asked, [], 'no redirect was followed')
  const [, rss = '0'] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8')) ?? []
  assert.ok(Number(rss) < 900 * 1024, `${rss} KiB`)
  assert.ok(!server.log().includes('token-of-the-clusters'))
})

/** pkt-line: four digits of length, then the data. */
function line(data: string | Buffer): Buffer {
  const bytes = Buffer.from(data)
  return Buffer.concat([Buffer.from((bytes.length + 4).toString(16).padStart(4, '0')), bytes])
}

/** A pack whose one file has no end: a size of 2^42, and zlib's stored blocks of it. */
function endlessPack(response: ServerResponse): void {
  const head = Buffer.from('PACK\0\0\0\x02\0\0\0\x01', 'latin1')
  const size = Buffer.from([0xb0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01])
  response.write(line('packfile\n'))
  response.write(line(Buffer.concat([Buffer.from([1]), head, size, Buffer.from([0x78, 0x01])])))
  const block = Buffer.concat([Buffer.from([0, 0, 0xf0, 0xff, 0x0f]), Buffer.alloc(0xf000)])
  flood(response, Buffer.concat(Array.from({ length: 8 }, () => line(Buffer.concat([Buffer.from([1]), block])))))
}

test('S27: a git server that never stops sending is cut off, and nothing of it stays', async () => {
  const tip = createHash('sha1').update('x').digest('hex')
  const flush = Buffer.from('0000')
  const url = await listen((request, response) => {
    let told = ''
    request.on('data', (chunk: Buffer) => (told += chunk.toString('latin1')))
    request.on('end', () => {
      response.setHeader(
        'content-type',
        `application/x-git-upload-pack-${request.method === 'GET' ? 'advertisement' : 'result'}`,
      )
      const able = ['version 2\n', 'ls-refs\n', 'fetch=shallow\n', 'object-format=sha1\n'].map(line)
      if (request.method === 'GET')
        response.end(Buffer.concat([line('# service=git-upload-pack\n'), flush, ...able, flush]))
      else if (told.includes('command=ls-refs')) response.end(Buffer.concat([line(`${tip} refs/heads/main\n`), flush]))
      else endlessPack(response)
    })
  })
  const neighbour = ask('/v1/deploys?wait=60s', wish('good', 'v5'))
  const about = ['--cluster', 'good', '--source', 's', '--image', 'a/b:v1', '--author', 'a']
  const stranger = makeMgo({ repo: `${url}/repo.git` })
  after(() => stranger.remove())
  const ended = await stranger.run('deploy', ...about)
  assert.equal(ended.code, 4, ended.stderr)
  assert.match(ended.stdout + ended.stderr, /GIT_FAILED[\s\S]*more than 2 GiB|more than 2 GiB[\s\S]*GIT_FAILED/)
  const left = readdirSync(stranger.state, { recursive: true, encoding: 'utf8' })
  assert.deepEqual(
    left.filter((path) => /tmp_(?:pack|obj)/.test(path)),
    [],
  )
  assert.match((await neighbour).text, /"verdict":"healthy"/)
})
