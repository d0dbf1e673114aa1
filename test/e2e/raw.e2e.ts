/**
 * Raw files: server-side apply in the order that Kubernetes needs, prune of what left a file, and of a file that is gone.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { git, makeBare, put, startGitServer } from '../git-server.ts'
import { call, makeMgo } from '../mgo.ts'
import { requests, writes } from '../rig/audit.ts'
import { startRig } from '../rig/rig.ts'

const rig = await startRig({ name: 'prod' })
const server = await startGitServer()
const configMap = (name: string, value: string) => `apiVersion: v1
kind: ConfigMap
metadata: { name: ${name}, namespace: team }
data: { value: "${value}" }
`
// The order of the file is the wrong one on purpose.
const first = `apiVersion: example.com/v1
kind: Widget
metadata: { name: one, namespace: team }
spec: { size: 0644 }
---
${configMap('a', '1')}---
${configMap('b', '1')}---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: widgets.example.com }
spec:
  group: example.com
  scope: Namespaced
  names: { kind: Widget, plural: widgets, singular: widget }
  versions:
    - name: v1
      served: true
      storage: true
      schema: { openAPIV3Schema: { type: object, x-kubernetes-preserve-unknown-fields: true } }
---
apiVersion: v1
kind: Namespace
metadata: { name: team }
`
const path = 'installations/prod/team-raw.yaml'
const bare = makeBare(server.root, 'raw.git', { [path]: first })
const mgo = makeMgo({ repo: server.url('raw.git'), kubeconfig: rig.kubeconfig, helm: join(rig.bin, 'helm4') })
const work = join(mgo.state, 'work')
git(mgo.state, 'clone', '--quiet', bare, work)
after(async () => {
  await server.close()
  await rig.stop()
  mgo.remove()
})

function commit(files: Readonly<Record<string, string>>, ...gone: readonly string[]): void {
  put(work, files)
  for (const file of gone) git(work, 'rm', '--quiet', file)
  git(work, 'add', '--all')
  git(work, 'commit', '--quiet', '-m', 'Change')
  git(work, 'push', '--quiet')
}

async function sync() {
  const ran = await mgo.run('sync', '--cluster', 'prod', '-o', 'json')
  return {
    ...ran,
    verdict: JSON.parse(ran.stdout) as {
      verdict: string
      releases: { verdict: string; code?: string; reason: string; hint?: string }[]
    },
  }
}

async function kubectl(...args: readonly string[]): Promise<string> {
  const ran = await call(join(rig.bin, 'kubectl'), ['--kubeconfig', rig.kubeconfig, ...args])
  return ran.code === 0 ? ran.stdout : `failed: ${ran.stderr}`
}

test('a definition, its object, a namespace and what lives in it, in one file in any order', async () => {
  const { code, stdout, stderr } = await sync()
  assert.equal(code, 0, stdout + stderr)
  assert.equal(
    await kubectl('-n', 'team', 'get', 'widget', 'one', '-o', 'jsonpath={.spec.size}'),
    '420',
    '0644 as Kubernetes reads it',
  )
  assert.equal(
    await kubectl('-n', 'team', 'get', 'cm', 'a', '-o', 'jsonpath={.metadata.managedFields[0].manager}'),
    'mgo',
  )
})

test('unchanged: no write', async () => {
  const since = new Date()
  const { verdict } = await sync()
  assert.equal(verdict.verdict, 'unchanged')
  assert.deepEqual(writes(requests(rig.auditLog, { agent: /^mgo\//, since })), [])
})

test('what left the file is pruned; what was made anew by somebody else is not', async () => {
  await kubectl('-n', 'team', 'create', 'cm', 'foreign')
  commit({ [path]: first.replace(`${configMap('b', '1')}---\n`, '').replace('value: "1"', 'value: "2"') })
  const { code, stdout } = await sync()
  assert.equal(code, 0, stdout)
  assert.match(await kubectl('-n', 'team', 'get', 'cm', 'b'), /NotFound/)
  assert.equal(await kubectl('-n', 'team', 'get', 'cm', 'a', '-o', 'jsonpath={.data.value}'), '2')
  assert.doesNotMatch(await kubectl('-n', 'team', 'get', 'cm', 'foreign'), /failed/)
})

test('one bad object: nothing of the file is written, and the field is named', async () => {
  commit({
    'installations/prod/bad-raw.yaml': `${configMap('c', '1')}---\n${configMap('d', '1').replace('\ndata:', '\ndat:')}`,
  })
  const { code, verdict } = await sync()
  const bad = verdict.releases.find((one) => one.verdict === 'failed')
  assert.equal(code, 1)
  assert.match(bad?.reason ?? '', /\.dat\b/)
  assert.match(await kubectl('-n', 'team', 'get', 'cm', 'c'), /NotFound/)
})

test('what goes first and alone is tried by being applied: where it is bad, nothing else is written, and all is told', async () => {
  const service =
    'apiVersion: v1\nkind: Service\nmetadata: { name: e, namespace: team }\nspec: { ports: [{ port: 80 }] }\n'
  const failures = async (text: string) => {
    commit({ 'installations/prod/bad-raw.yaml': text })
    const { verdict } = await sync()
    return verdict.releases.filter((one) => one.verdict === 'failed').map(({ reason }) => reason)
  }
  const badMap = configMap('e', '1').replace('\ndata:', '\ndat:')
  assert.match((await failures(`${badMap}---\n${service}`)).join(), /\.dat\b/)
  assert.match(await kubectl('-n', 'team', 'get', 'service', 'e'), /NotFound/)
  assert.match(
    (await failures(`${badMap}---\n${service.replace('ports', 'pots')}`)).join(),
    /\.dat\b[^]*pots|pots[^]*\.dat\b/,
  )
  const since = new Date()
  assert.deepEqual(await failures(`${configMap('e', '1')}---\n${service}`), [])
  const tries = requests(rig.auditLog, { agent: /^mgo\//, since }).filter(({ uri }) => uri.includes('dryRun=All'))
  assert.deepEqual(
    tries.map(({ uri }) => /[^/]*\/[^/]*(?=\?)/.exec(uri)?.[0]),
    ['services/e'],
  )
})

test('a field that a controller owns is not taken from it', async () => {
  const deployment = (replicas: string) => `apiVersion: apps/v1
kind: Deployment
metadata: { name: scaled, namespace: team }
spec:
${replicas}  selector: { matchLabels: { app: scaled } }
  template:
    metadata: { labels: { app: scaled } }
    spec: { containers: [{ name: app, image: acme/app:v1 }] }
`
  commit({ 'installations/prod/scaled-raw.yaml': deployment('') }, 'installations/prod/bad-raw.yaml')
  assert.equal((await sync()).code, 0)
  await kubectl('-n', 'team', 'scale', 'deploy', 'scaled', '--replicas=4', '--field-manager=autoscaler')
  await kubectl(
    '-n',
    'team',
    'patch',
    'deploy',
    'scaled',
    '--field-manager=autoscaler',
    '-p',
    '{"spec":{"replicas":3}}',
  )
  commit({ 'installations/prod/scaled-raw.yaml': deployment('  replicas: 1\n') })
  const { verdict } = await sync()
  const [bad] = verdict.releases.filter((one) => one.verdict === 'failed')
  assert.equal(bad?.code, 'KUBE_CONFLICT')
  assert.match(`${bad?.reason} ${bad?.hint}`, /autoscaler.*replicas|replicas.*autoscaler/s)
})

test('a file that is gone takes its objects with it', async () => {
  commit({}, 'installations/prod/scaled-raw.yaml')
  const { code, stdout } = await sync()
  assert.equal(code, 0, stdout)
  assert.match(await kubectl('-n', 'team', 'get', 'deploy', 'scaled'), /NotFound/)
  assert.doesNotMatch(await kubectl('-n', 'team', 'get', 'cm', 'a'), /failed/)
})

test('diff shows what a hand changed, and hides secrets', async () => {
  commit({
    'installations/prod/secret-raw.yaml':
      'apiVersion: v1\nkind: Secret\nmetadata: { name: s, namespace: team }\nstringData: { password: first-password }\n',
  })
  assert.equal((await sync()).code, 0)
  assert.equal((await mgo.run('diff', '--cluster', 'prod')).code, 0)
  commit({
    'installations/prod/secret-raw.yaml':
      'apiVersion: v1\nkind: Secret\nmetadata: { name: s, namespace: team }\nstringData: { password: second-password }\n',
  })
  await kubectl('-n', 'team', 'patch', 'cm', 'a', '-p', '{"data":{"value":"by hand"}}')
  const { code, stdout, stderr } = await mgo.run('diff', '--cluster', 'prod')
  assert.equal(code, 1, stderr)
  assert.match(stdout, /-\s+value: by hand\n\+\s+value: "?2"?/)
  assert.match(stdout, /password: .*changed/)
  assert.doesNotMatch(stdout + stderr, /(?:first|second)-password|Zmlyc3Qt|c2Vjb25k/)
})
