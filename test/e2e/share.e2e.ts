/**
 * A dead cluster and a living one: what waits for the dead one takes its share of the room and no more, also after a restart
 * that finds thousands of it.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { openJournal } from '../../src/journal/journal.ts'
import { type Cluster, type Commit, requestId } from '../../src/release/ids.ts'
import { git, makeBare } from '../git-server.ts'
import { chart, makeMgo, type Server, values } from '../mgo.ts'
import { startRig } from '../rig/rig.ts'

const root = mkdtempSync(join(tmpdir(), 'mgo-share-'))
const rig = await startRig({ name: 'live' })
after(async () => {
  await rig.stop()
  rmSync(root, { recursive: true, force: true })
})

type Named = { readonly name: string }
type Config = { clusters: (Named & { cluster: object })[]; contexts: (Named & { context: object })[] }
const config = JSON.parse(readFileSync(rig.kubeconfig, 'utf8')) as Config
// Nothing listens on this port.
config.clusters.push({ name: 'dead', cluster: { ...config.clusters[0]?.cluster, server: 'https://127.0.0.1:9' } })
config.contexts.push({ name: 'dead', context: { ...config.contexts[0]?.context, cluster: 'dead' } })
const kubeconfig = join(root, 'kubeconfig')
writeFileSync(kubeconfig, JSON.stringify(config), { mode: 0o600 })

const apps = Array.from({ length: 8 }, (_, i) => `app${i}`)
const files = apps.map((app) => [`installations/dead/${app}-values.yaml`, values(app)] as const)
const repo = makeBare(root, 'repo.git', {
  ...chart,
  ...Object.fromEntries(files),
  'installations/live/app0-values.yaml': values('app0'),
})

/** Everything of it is gone with the test. */
function mgoIn(stateIn: string) {
  return makeMgo({ repo, kubeconfig, helm: join(rig.bin, 'helm4'), stateIn })
}

type Answer = { readonly id: string; readonly verdict?: string; readonly code?: string; readonly detail?: string }
type Sent = Answer & { readonly http: number; readonly after: string | null }

async function deploy({ url }: Server, place: string, wait = ''): Promise<Sent> {
  const [cluster, app] = place.split('/')
  const body = JSON.stringify({
    cluster,
    source: `github.com/acme/${app}`,
    image: `localhost:5000/acme/${app}:v2`,
    author: 'Ada <a@b.c>',
  })
  const headers = { 'content-type': 'application/json' }
  const sent = await fetch(`${url}/v1/deploys${wait}`, { method: 'POST', headers, body })
  return { ...((await sent.json()) as Answer), http: sent.status, after: sent.headers.get('retry-after') }
}

/** Until it has its commit, and waits for its cluster. */
async function committed({ url }: Server, id: string): Promise<void> {
  const answer = await fetch(`${url}/v1/deploys/${id}/events`)
  let text = ''
  for await (const chunk of (answer.body ?? assert.fail()).pipeThrough(new TextDecoderStream())) {
    text += chunk
    if (text.includes('event: committed\n')) return
  }
  assert.fail(text)
}

test('a dead cluster may hold as much as is left for all others; more is told 429, and the others go on', async () => {
  const mgo = mgoIn(join(root, 'full'))
  const server = await mgo.serve('--most', '8')
  after(async () => {
    await server.kill()
    mgo.remove()
  })
  const first = await deploy(server, 'dead/app0')
  await committed(server, first.id)
  const more = []
  for (const app of apps.slice(1, 6)) more.push(await deploy(server, `dead/${app}`))
  assert.deepEqual(
    more.map(({ http }) => http),
    [202, 202, 202, 429, 429],
  )
  const last = more.at(-1)
  assert.deepEqual([last?.code, last?.after], ['CLUSTER_FULL', '30'])
  assert.match(last?.detail ?? '', /^4 deploys for dead have no verdict yet/)
  assert.equal((await deploy(server, 'live/app0', '?wait=120s')).verdict, 'healthy')
})

test('thousands that an earlier run left for a dead cluster hold up nobody else’s', async () => {
  const state = mkdtempSync(join(root, 'many-'))
  const journal = openJournal(join(state, 'journal.sqlite'))
  const commit = git(repo, 'rev-list', '--max-parents=0', 'main').trim() as Commit
  const leave = async (place: string, n: number) => {
    const [cluster, app] = place.split('/')
    const at = Date.now() - 60_000 + n
    const id = requestId(at, randomBytes(16))
    await journal.accept({
      id,
      cluster: cluster as Cluster,
      source: `github.com/acme/${app}`,
      // What the first commit has already, so that it is the commit of these.
      image: { repository: `localhost:5000/acme/${app}`, tag: cluster === 'dead' ? 'v1' : 'v3', digest: undefined },
      author: { name: 'Ada', email: 'ada@example.com' },
      acceptedAt: at,
    })
    if (cluster === 'dead') await journal.committed(id, commit)
    return id
  }
  const ids = await Promise.all(Array.from({ length: 3_000 }, (_, n) => leave(`dead/${apps[n % apps.length]}`, n)))
  const newest = ids.at(-1)
  const id = await leave('live/app0', 3_001)
  journal.close()
  const mgo = mgoIn(state)
  const server = await mgo.serve()
  after(async () => {
    await server.kill()
    mgo.remove()
  })
  const left = (await (await fetch(`${server.url}/v1/deploys/${id}?wait=60s`)).json()) as Answer
  assert.equal(left.verdict, 'healthy', JSON.stringify(left))
  assert.equal((await deploy(server, 'live/app0', '?wait=60s')).verdict, 'healthy')
  // One that still waits on disk is waited for all the same: who asks again at once would ask without end.
  const begun = performance.now()
  const open = (await (await fetch(`${server.url}/v1/deploys/${newest}?wait=2s`)).json()) as Answer
  assert.equal(open.verdict, undefined, JSON.stringify(open))
  assert.ok(performance.now() - begun > 1_900)
  // What waits on disk is not lost sight of.
  const page = (await (await fetch(`${server.url}/v1/deploys?cluster=dead&limit=1000`)).json()) as {
    readonly deploys: readonly Answer[]
  }
  const ended = page.deploys.filter(({ verdict }) => verdict !== undefined)
  assert.ok(page.deploys.length > 500)
  assert.deepEqual(ended, [])
})
