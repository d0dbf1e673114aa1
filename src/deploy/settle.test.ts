import assert from 'node:assert/strict'
import { test } from 'node:test'
import { configMap, deployment, event, namespace, pod, replicaSet } from '../../test/objects.ts'
import { halfDone, manifest, wait } from '../../test/waiting.ts'
import { type Script, script } from '../../test/world.ts'
import type { Cluster } from '../release/ids.ts'
import type { K8sObject } from '../release/object.ts'
import { settle } from './settle.ts'

test('green is said of the new pods alone, and nothing is watched that the release does not own', async () => {
  const world = script()
  world.put(deployment({ observed: 1, status: { replicas: 2, updatedReplicas: 2, availableReplicas: 2 } }))
  world.put(replicaSet('1', 2), replicaSet('0', 0), pod('old-1', '1', { ready: true }))
  const { verdict } = wait(world)
  await world.pass(2_000)
  assert.equal(verdict(), undefined, 'the controller has not looked at it yet')
  world.put(deployment({ status: halfDone }), replicaSet('2', 1, 0), pod('new-1', '2', { ready: true }))
  await world.pass(100)
  assert.equal(verdict(), undefined, 'old pods serve')
  world.put(deployment(), replicaSet('2', 2), pod('new-2', '2', { ready: true }), replicaSet('1', 0))
  await world.pass(50)
  assert.equal(verdict()?.verdict, 'healthy')
  assert.deepEqual(world.asked, [
    'watch deployments metadata.name=web',
    'watch replicasets metadata.name=web-2',
    'watch pods app=web,pod-template-hash=hash2',
  ])
})

for (const named of ['web-1', 'web-that-is-gone'])
  test(`conditions that name another set (${named}) are not believed`, async () => {
    const world = script()
    world.put(deployment({ named }), replicaSet('1', 0), replicaSet('2', 2), pod('a', '2', { ready: true }))
    const { verdict } = wait(world)
    await world.pass(100)
    assert.equal(verdict()?.verdict, 'healthy')
    assert.ok(world.asked.includes('watch replicasets metadata.name=web-2'))
  })

test('an end is said with its cause: events are read before it is believed', async () => {
  const world = script()
  const crashing = pod('new-1', '2', {
    waiting: { reason: 'CrashLoopBackOff', message: 'back-off 10s' },
    restarts: 2,
    last: { exitCode: 137, reason: 'Error' },
  })
  world.put(deployment({ status: halfDone }), replicaSet('2', 1, 0), crashing)
  world.put(event(crashing, 'Killing', 'Container app failed liveness probe, will be restarted'))
  const { verdict } = wait(world)
  await world.pass(60)
  assert.deepEqual([verdict()?.verdict, verdict()?.code], ['failed', 'LIVENESS'])
})

test('events that never come keep nobody waiting', async () => {
  const world = script()
  const crashing = pod('new-1', '2', { waiting: { reason: 'CrashLoopBackOff' }, restarts: 2, last: { exitCode: 1 } })
  world.put(deployment({ status: halfDone }), replicaSet('2', 1, 0), crashing)
  const never: Script['kube']['watch'] = () => ({
    [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => undefined) }),
  })
  const kube = {
    ...world.kube,
    watch: (...[one, signal]: Parameters<typeof never>) =>
      one.resource.plural === 'events' ? never(one, signal) : world.kube.watch(one, signal),
  }
  const { verdict } = wait({ ...world, kube })
  await world.pass(900)
  assert.equal(verdict(), undefined)
  await world.pass(300)
  assert.deepEqual([verdict()?.verdict, verdict()?.code], ['failed', 'CRASH_LOOP'])
})

test('a pod that merely takes its time is asked for its events a little later, a healthy one never', async () => {
  const world = script()
  const slow = pod('new-1', '2', { waiting: { reason: 'ContainerCreating' } })
  world.put(deployment({ status: halfDone }), replicaSet('2', 1, 0), slow)
  const { verdict } = wait(world)
  await world.pass(300)
  assert.ok(!world.asked.some((one) => one.startsWith('watch events')))
  await world.pass(1_200)
  assert.ok(world.asked.includes('watch events involvedObject.uid=uid-new-1'))
  world.put(event(slow, 'FailedMount', 'MountVolume.SetUp failed for volume "s" : secret "db" not found'))
  await world.pass(30)
  assert.equal(verdict()?.code, 'CONFIG_MISSING')
})

test('what is merely there is looked at before green: gone, or on its way out', async () => {
  for (const [put, code, word] of [
    [undefined, 'DELETED', 'failed'],
    [
      configMap('settings', { deletionTimestamp: '2026-01-01T11:00:00Z', finalizers: ['example.com/backup'] }),
      'TERMINATING',
      'timed-out',
    ],
    [configMap('settings'), undefined, 'healthy'],
  ] as const) {
    const world = script()
    world.put(deployment(), replicaSet('2', 2), pod('a', '2', { ready: true }))
    if (put !== undefined) world.put(put)
    const { verdict } = wait(world, [configMap('settings'), manifest()], 5_000)
    await world.pass(6_000)
    assert.deepEqual([verdict()?.verdict, verdict()?.code], [word, code])
  }
})

test('applied this moment, and being deleted: said from what the apply gave back', async () => {
  const world = script()
  const leaving = configMap('settings', { uid: 'u', deletionTimestamp: '2026-01-01T11:00:00Z', finalizers: ['f'] })
  world.put(leaving, deployment(), replicaSet('2', 2), pod('a', '2', { ready: true }))
  const { told } = wait(world, [leaving, deployment()])
  await world.pass(50)
  assert.match(JSON.stringify(told), /being deleted/)
})

test('green is not said while a connection is lost, and is said soon after', async () => {
  const world = script()
  world.put(deployment({ status: halfDone }), replicaSet('2', 1, 0), pod('a', '2'))
  const { verdict } = wait(world)
  await world.pass(100)
  world.put(deployment(), replicaSet('2', 2), pod('a', '2', { ready: true }))
  world.cut('told')
  await world.pass(3_000)
  assert.equal(verdict(), undefined)
  world.mend()
  await world.pass(50)
  assert.equal(verdict()?.verdict, 'healthy')
})

test('a cluster that went away and stays so: that is what it waited for in the end', async () => {
  const world = script()
  world.put(deployment({ status: halfDone }), replicaSet('2', 1, 0), pod('a', '2'))
  const { verdict } = wait(world, [manifest()], 60_000)
  await world.pass(20_000)
  world.cut('told')
  await world.pass(41_500)
  const { verdict: word, code, reason } = verdict() ?? assert.fail()
  assert.deepEqual([word, code], ['timed-out', 'KUBE_UNREACHABLE'])
  assert.match(reason, /it waits, for \d+ s now: the API server of .* has not answered since 12:00:20 UTC$/)
})

test('a watch that fell silent: the last look finds the truth, before time is up', async () => {
  const world = script()
  world.put(deployment({ status: halfDone }), replicaSet('2', 1, 0), pod('a', '2'))
  const { verdict } = wait(world, [manifest()], 10_000)
  await world.pass(100)
  world.cut('silent')
  world.put(deployment(), replicaSet('2', 2), pod('a', '2', { ready: true }))
  await world.pass(11_000)
  assert.equal(verdict()?.verdict, 'healthy')
})

test('a pod that fell must stay ready for longer than it did', async () => {
  const world = script()
  const at = (ready: boolean) => world.put(pod('a', '2', { ready }), deployment(ready ? {} : { status: halfDone }))
  world.put(replicaSet('2', 2))
  at(false)
  const { verdict } = wait(world, [manifest()], 30_000)
  await world.pass(100)
  world.put(pod('a', '2', { ready: true }))
  await world.pass(2_000)
  for (let turn = 0; turn < 5; turn++) {
    at(false)
    await world.pass(2_000)
    at(true)
    await world.pass(2_000)
    assert.equal(verdict(), undefined, `turn ${turn}`)
  }
  await world.pass(3_000)
  assert.equal(verdict()?.verdict, 'healthy')
})

test('a pod that flaps is never green, not even where time is up while it is ready; and why is told', async () => {
  const world = script()
  const at = (ready: boolean) => world.put(pod('a', '2', { ready }), deployment(ready ? {} : { status: halfDone }))
  world.put(replicaSet('2', 2))
  at(false)
  const { verdict } = wait(world, [manifest()], 10_500)
  await world.pass(100)
  world.put(pod('a', '2', { ready: true }))
  for (let turn = 0; turn < 3; turn++) {
    await world.pass(2_000)
    at(false)
    await world.pass(1_000)
    at(true)
  }
  await world.pass(5_000)
  assert.deepEqual([verdict()?.verdict, verdict()?.code], ['timed-out', 'READINESS'])
})

test('a container that was started again must live longer than before', async () => {
  const world = script()
  const last = { exitCode: 1, startedAt: '2026-01-01T11:59:57Z', finishedAt: '2026-01-01T11:59:59Z' }
  world.put(deployment(), replicaSet('2', 2), pod('a', '2', { ready: true, restarts: 1, last }))
  const { verdict } = wait(world)
  await world.pass(2_000)
  assert.equal(verdict(), undefined)
  await world.pass(1_000)
  assert.equal(verdict()?.verdict, 'healthy')
})

test('time is up: its own word, for what and for how long', async () => {
  const world = script()
  world.put(deployment({ status: halfDone, spec: { paused: true } }), replicaSet('2', 1, 1))
  const { verdict } = wait(world, [manifest()], 20_000)
  await world.pass(25_000)
  assert.deepEqual([verdict()?.verdict, verdict()?.code], ['timed-out', 'PAUSED'])
  assert.match(verdict()?.reason ?? '', /not done after 20 s; it waits, for \d\d s now: .*paused/)
  assert.match(verdict()?.hint ?? '', /resume/)
})

test('a Job that is taken away after its end has not been deleted by somebody', async () => {
  const world = script()
  const job: K8sObject = {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'migrate', namespace },
    spec: { ttlSecondsAfterFinished: 0 },
  }
  const { verdict } = wait(world, [job])
  await world.pass(50)
  assert.equal(verdict()?.verdict, 'healthy')
})

test('the caller ends the wait', async () => {
  const world = script()
  world.put(deployment({ status: halfDone }))
  const stop = new AbortController()
  const asked = {
    kube: world.kube,
    objects: [manifest()],
    timeoutMs: 60_000,
    cluster: 'prod' as Cluster,
    unit: 'shop/web',
    signal: stop.signal,
  }
  const ended = settle(asked, { clock: world.clock, tell: () => undefined })
  await world.pass(50)
  stop.abort()
  await world.pass(50)
  assert.equal((await ended).verdict, 'timed-out')
})
