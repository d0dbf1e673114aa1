/**
 * The verdict on a real cluster: what others do meanwhile, an API server that falls silent or dies, hooks that fail, what
 * it costs, and what can be asked afterwards.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { git, makeBare, put, startGitServer } from '../git-server.ts'
import { call, chart, makeMgo, values } from '../mgo.ts'
import { requests } from '../rig/audit.ts'
import { startRig } from '../rig/rig.ts'
import { serverOf, startStaller, throughStaller } from '../staller.ts'

const rig = await startRig({ name: 'prod' })
const server = await startGitServer()
const deployment = (name: string, tag: string, replicas = 2) => `apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, namespace: default }
spec:
  replicas: ${replicas}
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec: { containers: [{ name: app, image: "acme/app:${tag}" }] }
`
const bare = makeBare(server.root, 'raw.git', { 'installations/prod/web-raw.yaml': deployment('web', 'v1') })
const made = { repo: server.url('raw.git'), kubeconfig: rig.kubeconfig }
const mgo = makeMgo({ ...made, helm: join(rig.bin, 'helm4') })
const work = join(mgo.state, 'work')
git(mgo.state, 'clone', '--quiet', bare, work)
after(async () => {
  await server.close()
  await rig.stop()
  mgo.remove()
})

type Release = { readonly release: string; readonly verdict: string; readonly code?: string; readonly reason: string }
type Answer = {
  readonly code: number
  readonly releases: readonly Release[]
  readonly seconds: number
  readonly text: string
}

function commit(files: Readonly<Record<string, string>>): void {
  put(work, files)
  git(work, 'add', '--all')
  git(work, 'commit', '--quiet', '-m', 'Change')
  git(work, 'push', '--quiet')
}

async function sync(one = mgo, ...args: readonly string[]): Promise<Answer> {
  const begun = performance.now()
  const { code, stdout, stderr } = await one.run('sync', '--cluster', 'prod', '-o', 'json', ...args)
  const { releases } = JSON.parse(stdout) as { releases: readonly Release[] }
  return { code, releases, seconds: (performance.now() - begun) / 1000, text: stdout + stderr }
}

async function kubectl(...args: readonly string[]): Promise<string> {
  const ran = await call(join(rig.bin, 'kubectl'), ['--kubeconfig', rig.kubeconfig, ...args])
  return ran.code === 0 ? ran.stdout : `failed: ${ran.stderr}`
}

/** Until `work` says so; a test that waits for something that never comes fails by its own limit. */
async function until(seen: () => Promise<boolean>): Promise<void> {
  while (!(await seen())) await new Promise((resolve) => setTimeout(resolve, 100))
}

const rollingOut = (name: string) =>
  until(async () => (await kubectl('get', 'deploy', name, '-o', 'jsonpath={.status.updatedReplicas}')).startsWith('1'))

test('a rollout of one Deployment costs three watches and not one list', async () => {
  assert.equal((await sync()).code, 0)
  const since = new Date()
  commit({ 'installations/prod/web-raw.yaml': deployment('web', 'v2') })
  const { code, text } = await sync()
  assert.equal(code, 0, text)
  const asked = requests(rig.auditLog, { agent: /^mgo\//, since })
  const about = asked.filter(({ uri }) => /\/(?:deployments|replicasets|pods|events)(?:\?|$)/.test(uri))
  assert.deepEqual(about.map(({ verb, uri }) => `${verb} ${/\/(\w+)\?/.exec(uri)?.[1] ?? ''}`).toSorted(), [
    'watch deployments',
    'watch pods',
    'watch replicasets',
  ])
  assert.ok(asked.length <= 20, `${asked.length} requests in all`)
})

test('what somebody else deploys meanwhile is theirs', async () => {
  commit({ 'installations/prod/web-raw.yaml': deployment('web', 'slow') })
  const answer = sync()
  await rollingOut('web')
  await kubectl('set', 'image', 'deploy/web', 'app=acme/app:v3')
  const { code, releases } = await answer
  assert.deepEqual([code, releases[0]?.verdict, releases[0]?.code], [1, 'superseded', 'SUPERSEDED'])
  assert.match(releases[0]?.reason ?? '', /acme\/app:v3.*kubectl/)
})

test('an object that is deleted meanwhile', async () => {
  commit({ 'installations/prod/web-raw.yaml': deployment('web', 'slow', 3) })
  const answer = sync()
  await rollingOut('web')
  await kubectl('delete', 'deploy', 'web')
  const { releases } = await answer
  assert.deepEqual([releases[0]?.verdict, releases[0]?.code], ['failed', 'DELETED'])
})

test('connections that fall silent: the verdict is right, and soon', async () => {
  const staller = await startStaller(serverOf(rig.kubeconfig))
  const kubeconfig = join(mgo.state, 'stalled')
  writeFileSync(kubeconfig, throughStaller(rig.kubeconfig, staller))
  const other = makeMgo({ ...made, kubeconfig, helm: join(rig.bin, 'helm4') })
  try {
    commit({ 'installations/prod/web-raw.yaml': deployment('web', 'slow', 1) })
    const answer = sync(other)
    await rollingOut('web')
    staller.stall()
    const { code, seconds, text } = await answer
    assert.equal(code, 0, text)
    assert.ok(seconds < 28, `${seconds} s`)
  } finally {
    await staller.close()
    other.remove()
  }
})

test('an API server that dies and comes back in the middle', async () => {
  commit({ 'installations/prod/web-raw.yaml': deployment('web', 'missing') })
  const answer = sync()
  await until(async () => (await kubectl('get', 'pods', '-o', 'jsonpath={..image}')).includes(':missing'))
  const api = rig.parts.find(({ name }) => name === 'kube-apiserver')
  await api?.stop()
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  api?.again()
  const { code, releases, text } = await answer
  assert.deepEqual([code, releases[0]?.code], [1, 'IMAGE_NOT_FOUND'], text)
  await until(async () => (await kubectl('get', '--raw', '/readyz')) === 'ok')
})

const hook = (tag: string) => `apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .Release.Name }}-migrate
  annotations: { helm.sh/hook: "pre-upgrade,pre-install", helm.sh/hook-delete-policy: before-hook-creation }
spec:
  backoffLimit: 0
  template:
    spec: { restartPolicy: Never, containers: [{ name: migrate, image: "acme/migrate:${tag}" }] }
`
for (const helm of ['helm3', 'helm4'])
  test(`a hook that cannot start is told with its cause, long before ${helm} gives up`, async () => {
    const namespace = `shop-${helm}`
    makeBare(server.root, `${helm}.git`, {
      ...chart,
      'charts/shop/templates/hook.yaml': hook('missing'),
      'installations/prod/web-values.yaml': values('web').replace('namespace: shop', `namespace: ${namespace}`),
    })
    const other = makeMgo({
      repo: server.url(`${helm}.git`),
      kubeconfig: rig.kubeconfig,
      helm: join(rig.bin, helm),
    })
    try {
      const { code, releases, seconds, text } = await sync(other)
      assert.deepEqual([code, releases[0]?.code], [1, 'IMAGE_NOT_FOUND'], text)
      assert.match(releases[0]?.reason ?? '', /hook.*Job web-migrate.*acme\/migrate:missing/)
      assert.ok(seconds < 20, `${seconds} s`)
      const labels = await kubectl(
        '-n',
        namespace,
        'get',
        'secret',
        '-l',
        'owner=helm',
        '-o',
        'jsonpath={..labels.status}',
      )
      assert.equal(labels, 'failed', 'helm has written down what became of it')
      const why = await other.run('why', 'web')
      assert.equal(why.code, 1)
      assert.match(why.stdout, /shop-helm\d\/web on prod: failed \[IMAGE_NOT_FOUND\].*migrate/)
    } finally {
      other.remove()
    }
  })

test('why and status, of what moves and of what was decided', async () => {
  commit({ 'installations/prod/web-raw.yaml': deployment('web', 'never-ready', 1) })
  await sync(mgo, '--no-wait')
  const moving = await mgo.run('why', 'web')
  assert.equal(moving.code, 3, moving.stdout + moving.stderr)
  assert.match(moving.stdout, /web-raw\.yaml on prod: moving \[READINESS\]/)
  commit({ 'installations/prod/web-raw.yaml': deployment('web', 'v9', 1) })
  const behind = await mgo.run('why', 'web-raw.yaml', '-o', 'json')
  const { releases } = JSON.parse(behind.stdout) as { releases: readonly { state: string }[] }
  assert.deepEqual([behind.code, releases[0]?.state], [1, 'behind'])
  assert.equal((await sync()).code, 0)
  const status = await mgo.run('status')
  assert.match(status.stdout, /web-raw\.yaml +healthy +acme\/app:v9 +\d+ s ago/)
  assert.match(status.stdout, /1 of 1 releases are healthy/)
  const nobody = await mgo.run('why', 'wep')
  assert.match(nobody.stderr, /no release "wep"[\s\S]*web/)
})
