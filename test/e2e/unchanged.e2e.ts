/**
 * Two hundred unchanged releases: no helm process, no write, one LIST for each engine. And the engine that renders.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { git, makeBare, startGitServer } from '../git-server.ts'
import { chart, makeMgo, values } from '../mgo.ts'
import { requests, writes } from '../rig/audit.ts'
import { startRig } from '../rig/rig.ts'

const rig = await startRig({ name: 'prod' })
const server = await startGitServer()
after(async () => {
  await server.close()
  await rig.stop()
})

test('a sync of 200 unchanged releases: 0 helm processes, 0 writes', async () => {
  // No pods: what is counted is what an unchanged release costs, not what 200 pods do.
  const releases = Array.from({ length: 200 }, (_, i) => [
    `installations/prod/r${i}-values.yaml`,
    values(`r${i}`).replace('replicas: 1', 'replicas: 0'),
  ])
  makeBare(server.root, 'many.git', { ...chart, ...Object.fromEntries(releases) })
  const mgo = makeMgo({ repo: server.url('many.git'), kubeconfig: rig.kubeconfig, helm: join(rig.bin, 'helm4') })
  const first = await mgo.run('sync', '--cluster', 'prod', '-o', 'json')
  assert.equal(first.code, 0, first.stderr.slice(-2_000))
  assert.equal(mgo.helmCalls().length, 200)
  const since = new Date()
  const second = await mgo.run('sync', '--cluster', 'prod', '-o', 'json')
  const verdict = JSON.parse(second.stdout) as { verdict: string; releases: { verdict: string }[] }
  assert.equal(verdict.verdict, 'unchanged')
  assert.equal(verdict.releases.filter((one) => one.verdict === 'unchanged').length, 200)
  assert.equal(mgo.helmCalls().length, 200, 'no helm was started')
  const asked = requests(rig.auditLog, { agent: /^mgo\//, since })
  assert.deepEqual(writes(asked), [])
  assert.deepEqual(asked.map(({ verb, uri }) => `${verb} ${uri.split('?')[0] ?? ''}`).toSorted(), [
    'get /version',
    'list /api/v1/namespaces/mgo-system/configmaps',
    'list /api/v1/secrets',
  ])
  mgo.remove()
})

test('the render engine commits sorted manifests to its branch, and touches no cluster', async () => {
  const bare = makeBare(server.root, 'rendered.git', {
    ...chart,
    'mygitops.yaml': 'clusters: { prod: { engine: render } }\n',
    'installations/prod/web-values.yaml': values('web'),
    'installations/prod/net-raw.yaml': 'apiVersion: v1\nkind: Namespace\nmetadata: { name: shop }\n',
  })
  const mgo = makeMgo({ repo: server.url('rendered.git'), kubeconfig: rig.kubeconfig, helm: join(rig.bin, 'helm3') })
  const since = new Date()
  const args = [
    'deploy',
    '--cluster',
    'prod',
    '--source',
    'github.com/acme/web',
    '--author',
    'Ada <a@x.org>',
    '-o',
    'json',
  ]
  const ran = await mgo.run(...args, '--image', 'localhost:5000/acme/web:v2')
  assert.equal(ran.code, 0, ran.stdout + ran.stderr)
  assert.equal((JSON.parse(ran.stdout) as { verdict: string }).verdict, 'rendered')
  const files = git(bare, 'ls-tree', '-r', '--name-only', 'rendered/prod').trim().split('\n')
  assert.deepEqual(files, ['_cluster/namespace-shop.yaml', 'shop/deployment-web.yaml', 'shop/service-web.yaml'])
  assert.match(git(bare, 'show', 'rendered/prod:shop/deployment-web.yaml'), /image: localhost:5000\/acme\/web:v2/)
  const tip = git(bare, 'rev-parse', 'rendered/prod')
  assert.equal((await mgo.run(...args, '--image', 'localhost:5000/acme/web:v2')).code, 0)
  assert.equal(git(bare, 'rev-parse', 'rendered/prod'), tip, 'the same objects are the same bytes')
  assert.deepEqual(requests(rig.auditLog, { agent: /^(?:mgo|Helm|helm)/i, since }), [])
  mgo.remove()
})
