/**
 * A quota that is full while a release is waited for: what the set's controller said once, and what the quota says now.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deployment, namespace, pod, replicaSet } from '../../test/objects.ts'
import { wait } from '../../test/waiting.ts'
import { script, type Script } from '../../test/world.ts'
import type { K8sObject } from '../release/object.ts'

const message = 'pods "web-2-q" is forbidden: exceeded quota: team, requested: pods=1, used: pods=2, limited: pods=2'

function quota(used: number): K8sObject {
  const metadata = { name: 'team', namespace }
  return {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata,
    spec: { hard: { pods: '2' } },
    status: { used: { pods: `${used}` } },
  }
}

/** One of two new pods is there, no old one is left, and the other new one was refused while there was one. */
function refused(world: Script): void {
  const failure = { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message }
  const set = replicaSet('2', 1)
  const status = { replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1, terminatingReplicas: 0 }
  world.put(
    deployment({ status }),
    { ...set, status: { ...(set['status'] as object), conditions: [failure] } },
    pod('a', '2', { ready: true }),
  )
}

test('there is room, and the set waits for its next try: that is no end, however long it takes', async () => {
  const world = script()
  world.put(quota(1))
  refused(world)
  const { verdict } = wait(world)
  await world.pass(29_000)
  assert.equal(verdict(), undefined)
  world.put(deployment(), replicaSet('2', 2), pod('b', '2', { ready: true }))
  await world.pass(50)
  assert.equal(verdict()?.verdict, 'healthy')
})

test('somebody else takes the room: that is seen within seconds', async () => {
  const world = script()
  world.put(quota(1))
  refused(world)
  const { verdict } = wait(world)
  await world.pass(20_000)
  assert.equal(verdict(), undefined)
  world.put(quota(2))
  await world.pass(6_500)
  assert.deepEqual([verdict()?.verdict, verdict()?.code], ['failed', 'QUOTA'])
})

test('an end is told once the quota was read, and not again and again', async () => {
  const world = script()
  world.put(quota(2))
  refused(world)
  const { verdict } = wait(world)
  await world.pass(12_500)
  assert.deepEqual([verdict()?.verdict, verdict()?.code], ['failed', 'QUOTA'])
  assert.equal(
    world.asked.filter((one) => one === `get ResourceQuota ${namespace}/team`).length,
    3,
    'every five seconds',
  )
})
