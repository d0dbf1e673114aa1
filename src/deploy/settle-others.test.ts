/**
 * What others do to a release while it is waited for.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deployment, pod, replicaSet } from '../../test/objects.ts'
import { halfDone, wait } from '../../test/waiting.ts'
import { script } from '../../test/world.ts'
import type { K8sObject } from '../release/object.ts'

const takers: readonly [why: string, then: K8sObject, want: string | undefined][] = [
  ['another image', deployment({ image: 'shop/web:v3', generation: 3 }), 'superseded'],
  ['made anew by somebody', deployment({ uid: 'another' }), 'superseded'],
  [
    'scaled by a hand',
    deployment({ replicas: 0, generation: 3, others: { kubectl: { 'f:spec': { 'f:replicas': {} } } } }),
    'superseded',
  ],
  [
    'scaled by an autoscaler',
    deployment({
      replicas: 5,
      generation: 3,
      status: halfDone,
      others: { 'kube-controller-manager': { 'f:spec': { 'f:replicas': {} } } },
    }),
    undefined,
  ],
  [
    'a field that was never ours',
    deployment({ generation: 3, status: halfDone, spec: { minReadySeconds: 1 } }),
    undefined,
  ],
  [
    'paused, which has a word of its own',
    deployment({ generation: 3, status: halfDone, spec: { paused: true } }),
    undefined,
  ],
]
for (const manager of ['mgo', 'helm'])
  for (const [why, then, want] of takers)
    test(`what others change while ${manager} waits: ${why}`, async () => {
      const world = script()
      world.put(deployment({ manager, status: halfDone }), replicaSet('2', 1, 0))
      const { verdict } = wait(world)
      await world.pass(100)
      world.put({
        ...then,
        metadata: { ...then.metadata, managedFields: [...managed(deployment({ manager })), ...managed(then).slice(1)] },
      })
      await world.pass(1_100)
      assert.equal(verdict()?.verdict, want)
      if (want !== undefined) assert.equal(verdict()?.code, 'SUPERSEDED')
    })

function managed({ metadata }: K8sObject): readonly unknown[] {
  return metadata['managedFields'] as readonly unknown[]
}

test('superseded before it was first seen: the images of the manifest tell', async () => {
  const world = script()
  world.put(deployment({ image: 'shop/web:v3' }), replicaSet('2', 2))
  const { verdict } = wait(world)
  await world.pass(50)
  assert.match(verdict()?.reason ?? '', /shop\/web:v3/)
})

test('an image that the cluster rewrites on its way in is what was asked for', async () => {
  const world = script()
  world.put(deployment({ image: 'mirror.example/hub/shop/web:v2' }), replicaSet('2', 2), pod('a', '2', { ready: true }))
  const { verdict } = wait(world)
  await world.pass(50)
  assert.equal(verdict()?.verdict, 'healthy')
})

test('a version older than the apply gave back is not judged', async () => {
  const world = script()
  world.put(deployment({ generation: 1, image: 'shop/web:v1', revision: '1' }), replicaSet('1', 2))
  const { verdict } = wait(world, [deployment({ status: halfDone })])
  await world.pass(500)
  assert.equal(verdict(), undefined)
  world.put(deployment(), replicaSet('2', 2), pod('a', '2', { ready: true }))
  await world.pass(50)
  assert.equal(verdict()?.verdict, 'healthy')
})

test('deleted midway', async () => {
  const world = script()
  world.put(deployment({ status: halfDone }))
  const { verdict } = wait(world)
  await world.pass(50)
  world.take(deployment())
  await world.pass(50)
  assert.deepEqual([verdict()?.verdict, verdict()?.code], ['failed', 'DELETED'])
})

test('the object’s own controller may set its fields; who else does is named', async () => {
  for (const [subresource, want] of [
    ['status', undefined],
    [undefined, 'superseded'],
  ] as const) {
    const world = script()
    world.put(deployment({ status: halfDone }), replicaSet('2', 1, 0))
    const { verdict } = wait(world)
    await world.pass(100)
    const fieldsV1 = managed(deployment())[0] as { readonly fieldsV1: object }
    const hands = [
      { manager: 'operator', time: '2026-01-01T12:00:01Z', fieldsV1: fieldsV1.fieldsV1 },
      { manager: subresource === undefined ? 'somebody' : 'operator', subresource: 'status', fieldsV1: {} },
    ]
    const then = deployment({ replicas: 7, generation: 3, status: halfDone })
    world.put({ ...then, metadata: { ...then.metadata, managedFields: hands } })
    await world.pass(1_100)
    assert.equal(verdict()?.verdict, want)
    if (want !== undefined) assert.match(verdict()?.reason ?? '', /spec\.replicas is 7 now, not 2 \(by operator\)/)
  }
})
