import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { K8sObject } from '../release/object.ts'
import { exceededIn, hasRoom } from './quota.ts'

const set: K8sObject = { apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata: { name: 'web-7d4f', namespace: 'shop' } }
const forbidden = 'pods "web-7d4f-q" is forbidden: '

const words: readonly [why: string, message: string, name: string | undefined, requested: string][] = [
  ['pods', 'exceeded quota: team, requested: pods=1, used: pods=2, limited: pods=2', 'team', 'pods=1'],
  [
    'two things at once',
    'exceeded quota: a.b, requested: limits.cpu=300m,memory=450Mi, used: limits.cpu=600m,memory=600Mi, limited: limits.cpu=800m,memory=800Mi',
    'a.b',
    'limits.cpu=300m memory=450Mi',
  ],
  ['it wants to be told, and no room helps', 'failed quota: team: must specify limits.cpu for: app', undefined, ''],
  ['another refusal', 'violates PodSecurity "restricted:latest"', undefined, ''],
]
for (const [why, message, name, requested] of words)
  test(`exceededIn: ${why}`, () => {
    for (const text of [forbidden + message, `Error creating: ${forbidden}${message}`]) {
      const found = exceededIn(text, set)
      assert.deepEqual([found?.id.name, found?.id.namespace], [name, name === undefined ? undefined : 'shop'])
      assert.equal([...(found?.requested ?? [])].map((one) => one.join('=')).join(' '), requested)
    }
  })

type Amounts = Readonly<Record<string, string>>
const quotas: readonly [why: string, requested: Amounts, hard: Amounts, used: Amounts, want: boolean][] = [
  ['full', { pods: '1' }, { pods: '2' }, { pods: '2' }, false],
  ['one has left', { pods: '1' }, { pods: '2' }, { pods: '1' }, true],
  [
    'one of two things is still full',
    { pods: '1', memory: '1Gi' },
    { pods: '2', memory: '2Gi' },
    { memory: '2Gi' },
    false,
  ],
  ['what is full besides was not too much', { pods: '1' }, { pods: '2', cpu: '1' }, { pods: '1', cpu: '1' }, true],
  ['to the last thousandth', { cpu: '100m' }, { cpu: '300m' }, { cpu: '200m' }, true],
  ['a thousandth too much', { cpu: '101m' }, { cpu: '300m' }, { cpu: '200m' }, false],
  ['in other units', { memory: '512Mi' }, { memory: '1Gi' }, { memory: '536870912' }, true],
  ['it is limited no longer', { pods: '1' }, {}, {}, true],
  ['nobody has counted yet', { pods: '1' }, { pods: '2' }, {}, true],
  ['a number that nobody can read has no room', { pods: '1' }, { pods: 'many' }, { pods: '1' }, false],
]
for (const [why, requested, hard, used, want] of quotas)
  test(`hasRoom: ${why}`, () => {
    const metadata = { name: 'team', namespace: 'shop' }
    const quota = { apiVersion: 'v1', kind: 'ResourceQuota', metadata, spec: { hard }, status: { used } }
    const id = { group: '', version: 'v1', kind: 'ResourceQuota', namespace: 'shop', name: 'team' }
    assert.equal(hasRoom({ id, requested: new Map(Object.entries(requested)) }, quota), want)
  })

test('hasRoom: a quota that is gone refuses nobody', () => {
  const id = { group: '', version: 'v1', kind: 'ResourceQuota', namespace: 'shop', name: 'team' }
  assert.equal(hasRoom({ id, requested: new Map([['pods', '1']]) }, 'absent'), true)
})
