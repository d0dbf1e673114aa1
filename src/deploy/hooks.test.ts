import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deployment, namespace, pod, replicaSet } from '../../test/objects.ts'
import { type Script, script } from '../../test/world.ts'
import { MgoError } from '../error.ts'
import type { Applied, Engine, Hooks, Target } from '../ports.ts'
import type { K8sObject } from '../release/object.ts'
import type { Unit } from '../release/release.ts'
import { applyWatched, type Outcome } from './hooks.ts'

const notBefore = '2026-01-01T12:00:00Z'
const job = (status: object = {}, creationTimestamp = notBefore): K8sObject => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name: 'migrate', namespace, uid: 'uid-Job-migrate', generation: 1, creationTimestamp },
  spec: { backoffLimit: 0, selector: { matchLabels: { job: 'migrate' } } },
  status,
})
const failed = { conditions: [{ type: 'Failed', status: 'True', reason: 'BackoffLimitExceeded', message: 'no more' }] }
const pullFails: K8sObject = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: 'migrate-x',
    namespace,
    uid: 'uid-migrate-x',
    labels: { job: 'migrate' },
    ownerReferences: [{ apiVersion: 'batch/v1', kind: 'Job', name: 'migrate', uid: 'uid-Job-migrate' }],
  },
  spec: { containers: [{ name: 'app', image: 'shop/migrate:v2' }] },
  status: {
    phase: 'Pending',
    containerStatuses: [
      {
        name: 'app',
        image: 'shop/migrate:v2',
        state: { waiting: { reason: 'ErrImagePull', message: 'shop/migrate:v2: not found' } },
      },
    ],
  },
}
const unit: Unit = { kind: 'raw', key: 'raw:web', cluster: 'prod' as never, name: 'web', file: { path: 'x', oid: 'x' } }

/** An engine that ends when it is told to, with one hook. */
function begin(world: Script, own?: Hooks['own']) {
  const seen = { hooks: 0, aborted: false, outcome: undefined as Outcome | 'thrown' | undefined }
  let end: (how: 'well' | 'badly') => void = () => undefined
  const engine = {
    kind: 'raw',
    apply: (_: Unit, { signal }: Target) =>
      new Promise<Applied>((resolve, reject) => {
        end = (how) =>
          how === 'well'
            ? resolve({ revision: 2, objects: [] })
            : reject(new MgoError({ code: 'HELM_FAILED', message: 'pre-upgrade hooks failed', hint: '' }))
        signal?.addEventListener('abort', () => {
          seen.aborted = true
          end('badly')
        })
      }),
    hooks: async () => {
      seen.hooks++
      return { objects: [job()], notBefore, ...(own === undefined ? {} : { own }) }
    },
  } as unknown as Engine
  const target = { cluster: 'prod', kube: world.kube } as unknown as Target
  const outside = { clock: world.clock, tell: () => undefined }
  applyWatched({ unit, target, record: undefined, engine, world: outside, timeoutMs: 10_000 }).then(
    (outcome) => (seen.outcome = outcome),
    () => (seen.outcome = 'thrown'),
  )
  return { seen, end: (how: 'well' | 'badly') => end(how), outcome: () => seen.outcome }
}

test('who is through at once is not asked for hooks', async () => {
  const world = script()
  const { seen, end } = begin(world)
  await world.pass(500)
  end('well')
  await world.pass(2_000)
  assert.deepEqual([seen.hooks, seen.outcome], [0, { kind: 'applied', applied: { revision: 2, objects: [] } }])
})

test('a hook that cannot start ends the wait, and its pods say why', async () => {
  const world = script()
  const { seen } = begin(world)
  await world.pass(1_500)
  world.put(job({ active: 1 }), pullFails)
  await world.pass(500)
  assert.ok(seen.aborted, 'the engine is asked to end')
  assert.ok(typeof seen.outcome === 'object' && seen.outcome.kind === 'ended')
  assert.equal(seen.outcome.verdict.code, 'IMAGE_NOT_FOUND')
  assert.match(seen.outcome.verdict.reason, /hook.*Job migrate.*shop\/migrate:v2/)
})

test('an engine that fails before anybody looked: its hooks are looked at afterwards', async () => {
  const world = script()
  world.put(job(failed))
  const { seen, end } = begin(world)
  await world.pass(300)
  end('badly')
  await world.pass(1_000)
  assert.ok(typeof seen.outcome === 'object' && seen.outcome.kind === 'ended')
  assert.equal(seen.outcome.verdict.code, 'JOB_FAILED')
})

test('the failed hook of an earlier revision is no cause', async () => {
  const world = script()
  world.put(job(failed, '2026-01-01T11:00:00Z'))
  const { seen, end } = begin(world)
  await world.pass(3_000)
  assert.equal(seen.outcome, undefined)
  end('badly')
  await world.pass(2_000)
  assert.equal(seen.outcome, 'thrown', 'the engine’s own words have to do')
})

const broken = () => {
  const waiting = { reason: 'ErrImagePull', message: 'shop/web:v2: not found' }
  return [
    deployment({ status: { replicas: 2, updatedReplicas: 1 } }),
    replicaSet('2', 1, 0),
    pod('web-2-x', '2', { waiting }),
  ]
}

test('a hook waits for what will never serve: the cause is not the hook', async () => {
  const world = script()
  world.put(...broken())
  const { seen, outcome } = begin(world, { objects: [deployment()], following: [job()] })
  await world.pass(4_000)
  assert.equal(outcome(), undefined, 'before its hook is there nobody knows whether it is applied')
  world.put(job({ active: 1 }))
  await world.pass(2_500)
  assert.ok(seen.aborted)
  const ended = outcome()
  assert.ok(typeof ended === 'object' && ended.kind === 'ended')
  assert.equal(ended.verdict.code, 'IMAGE_NOT_FOUND')
  assert.match(ended.verdict.reason, /^while a hook of the chart ran: Deployment web/)
})

test('the hook of an earlier revision does not say that this one is applied', async () => {
  const world = script()
  world.put(...broken(), job({ active: 1 }, '2026-01-01T11:00:00Z'))
  const { seen, end } = begin(world, { objects: [deployment()], following: [job()] })
  await world.pass(5_000)
  assert.equal(seen.outcome, undefined)
  end('well')
  await world.pass(10)
  assert.deepEqual(seen.outcome, { kind: 'applied', applied: { revision: 2, objects: [] } })
})

test('hooks that end well end nothing', async () => {
  const world = script()
  const { seen, end } = begin(world)
  await world.pass(1_500)
  world.put(job({ conditions: [{ type: 'Complete', status: 'True' }] }))
  await world.pass(3_000)
  assert.ok(!seen.aborted)
  end('well')
  await world.pass(10)
  assert.deepEqual(seen.outcome, { kind: 'applied', applied: { revision: 2, objects: [] } })
})

test('a hook that nothing decides: time is up as it was asked for, whatever the engine’s own limit is', async () => {
  const world = script()
  world.put(job({ active: 1 }))
  const { seen, outcome } = begin(world)
  await world.pass(9_000)
  assert.equal(outcome(), undefined)
  await world.pass(2_000)
  assert.ok(seen.aborted)
  const ended = outcome()
  assert.ok(typeof ended === 'object' && ended.kind === 'ended')
  assert.equal(ended.verdict.verdict, 'timed-out')
  assert.match(ended.verdict.reason, /hook.*Job migrate/)
})
