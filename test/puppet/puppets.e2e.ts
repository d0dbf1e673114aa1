/**
 * The puppets against a real API server: a pod, its events and its storage look as a kubelet 1.37 leaves them.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { K8sObject } from '../../src/release/object.ts'
import { claims, openApi, pathOf, pods, services } from './api.ts'
import { startPuppetRig } from './rig.ts'
import { plainScript, type Rule } from './script.ts'

const rig = await startPuppetRig({ name: 'puppets' })
const api = openApi({ ...rig, agent: 'test' })
after(async () => {
  await api.close()
  await rig.stop()
})

type Seen = K8sObject & { readonly status: Readonly<Record<string, unknown>> }

async function scene(namespace: string, kubelet: readonly Rule[]): Promise<void> {
  rig.puppets.perform(namespace, { ...plainScript, kubelet })
  await api.ask({ method: 'POST', path: '/api/v1/namespaces', body: { metadata: { name: namespace } } })
  await seen(`/api/v1/namespaces/${namespace}/serviceaccounts/default`, () => true)
}

async function pod(namespace: string, spec: object): Promise<void> {
  const body = {
    metadata: { name: 'web', namespace },
    spec: { containers: [{ name: 'app', image: 'a/b:v1' }], ...spec },
  }
  const answer = await api.ask({ method: 'POST', path: pathOf(pods, namespace), body })
  assert.equal(answer.status, 201, JSON.stringify(answer.body))
}

/** Waits until an object is as wanted; gives it. */
async function seen(path: string, wanted: (object: Seen, text: string) => boolean): Promise<Seen> {
  const end = performance.now() + 20_000
  for (;;) {
    const { status, body } = await api.ask({ method: 'GET', path })
    if (status === 200 && wanted(body as Seen, JSON.stringify(body))) return body as Seen
    if (performance.now() > end) throw new Error(`${path} never came to be as wanted: ${JSON.stringify(body)}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function events(namespace: string): Promise<readonly K8sObject[]> {
  return api.kube.list({ resource: { ...pods, plural: 'events' }, namespace })
}

test('a plain pod runs: ids, addresses, conditions of its generation', async () => {
  await scene('plain', [])
  await pod('plain', { initContainers: [{ name: 'first', image: 'a/first:v1' }] })
  const { status, metadata } = await seen(pathOf(pods, 'plain', 'web'), (_, text) =>
    text.includes('"type":"Ready","observedGeneration":1,"status":"True"'),
  )
  const [app] = status['containerStatuses'] as readonly Record<string, unknown>[]
  assert.match(String(app?.['containerID']), /^containerd:\/\/[0-9a-f]{64}$/)
  assert.match(String(app?.['imageID']), /^a\/b@sha256:[0-9a-f]{64}$/)
  assert.equal(status['phase'], 'Running')
  assert.equal(status['observedGeneration'], metadata.generation)
  assert.match(JSON.stringify(status['initContainerStatuses']), /"exitCode":0,"reason":"Completed"/)
  const types = (status['conditions'] as readonly { type: string }[]).map(({ type }) => type).toSorted()
  assert.deepEqual(types, ['ContainersReady', 'Initialized', 'PodReadyToStartContainers', 'PodScheduled', 'Ready'])
  await api.ask({ method: 'DELETE', path: pathOf(pods, 'plain', 'web') })
  const gone = performance.now()
  while ((await api.kube.list({ resource: pods, namespace: 'plain' })).length > 0)
    assert.ok(performance.now() - gone < 10_000, 'a deleted pod goes soon')
})

test('two deaths: restarted at once, then backed off, with its last state and counted events', async () => {
  await scene('crash', [{ play: 'crash', exitCode: 7, after: 0.3 }])
  await pod('crash', {})
  const { status } = await seen(pathOf(pods, 'crash', 'web'), (_, text) => text.includes('CrashLoopBackOff'))
  const [app] = status['containerStatuses'] as readonly {
    restartCount: number
    lastState: { terminated: { exitCode: number; containerID: string } }
    state: { waiting: { message: string } }
  }[]
  assert.equal(app?.restartCount, 1)
  assert.equal(app?.lastState.terminated.exitCode, 7)
  assert.match(app?.state.waiting.message ?? '', /^back-off 10s restarting failed container=app pod=web_crash\(/)
  const started = (await events('crash')).filter((one) => one['reason'] === 'Started')
  assert.equal(started.length, 1, 'a repeated event is counted')
  assert.deepEqual(
    [started[0]?.['count'], started[0]?.['source']],
    [2, { component: 'kubelet', host: await nodeOf('crash') }],
  )
})

async function nodeOf(namespace: string): Promise<unknown> {
  const { body } = await api.ask({ method: 'GET', path: pathOf(pods, namespace, 'web') })
  return (body as { spec: { nodeName: string } }).spec.nodeName
}

test('a class that waits binds its claim when a pod comes; the other at once', async () => {
  await scene('storage', [])
  const spec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } }
  for (const storageClassName of ['disk', 'disk-late'])
    await api.ask({
      method: 'POST',
      path: pathOf(claims, 'storage'),
      body: { metadata: { name: storageClassName }, spec: { ...spec, storageClassName } },
    })
  await seen(pathOf(claims, 'storage', 'disk'), (_, text) => text.includes('"phase":"Bound"'))
  await seen(pathOf(claims, 'storage', 'disk-late'), (_, text) => text.includes('"phase":"Pending"'))
  await pod('storage', { volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'disk-late' } }] })
  await seen(pathOf(claims, 'storage', 'disk-late'), (_, text) => text.includes('"phase":"Bound"'))
})

test('a load balancer gets its address', async () => {
  await scene('cloud', [])
  const body = { metadata: { name: 'web' }, spec: { type: 'LoadBalancer', ports: [{ port: 80 }] } }
  await api.ask({ method: 'POST', path: pathOf(services, 'cloud'), body })
  await seen(pathOf(services, 'cloud', 'web'), (_, text) => text.includes('"ip":"203.0.113.'))
})
