import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deployment, pod, replicaSet } from '../../test/objects.ts'
import type { K8sObject } from '../release/object.ts'
import { relatedOf, suspects } from './watched.ts'

const nothing = { known: [], isRead: () => false }
const show = (live: K8sObject, seen: Parameters<typeof relatedOf>[1] = nothing) =>
  relatedOf(live, seen).map(({ resource, labels, fields }) => `${resource.plural} ${labels ?? ''}${fields ?? ''}`)

const set = (kind: string, spec: object, annotations: Readonly<Record<string, string>> = {}): K8sObject => ({
  apiVersion: kind === 'Job' ? 'batch/v1' : 'apps/v1',
  kind,
  metadata: { name: 'db', namespace: 'shop', annotations },
  spec,
})
const selector = { matchLabels: { app: 'db' } }

const cases: readonly [why: string, got: () => readonly string[], want: readonly string[]][] = [
  ['until the controller has looked, its words are old', () => show(deployment({ observed: 1 })), []],
  ['no pods are asked for', () => show(deployment({ replicas: 0 })), []],
  ['the newest set, by name', () => show(deployment()), ['replicasets metadata.name=web-2']],
  [
    'then its pods alone',
    () => show(deployment(), { known: [replicaSet('1', 2), replicaSet('2', 1)], isRead: () => true }),
    ['replicasets metadata.name=web-2', 'pods app=web,pod-template-hash=hash2'],
  ],
  ['a name that leads nowhere', () => show(deployment(), { known: [], isRead: () => true }), ['replicasets app=web']],
  [
    'a StatefulSet’s pods, old ones too: one may be in the way',
    () => show(set('StatefulSet', { selector })),
    ['pods app=db'],
  ],
  [
    'a DaemonSet’s new pods',
    () => show(set('DaemonSet', { selector }, { 'deprecated.daemonset.template.generation': '3' })),
    ['pods app=db,pod-template-generation=3'],
  ],
  [
    'a Job’s own pods, by the selector that the API server gave it',
    () => show(set('Job', { selector: { matchLabels: { 'batch.kubernetes.io/controller-uid': 'u' } } })),
    ['pods batch.kubernetes.io/controller-uid=u'],
  ],
  [
    'a ReplicationController’s pods, by its plain labels',
    () => show({ ...set('ReplicationController', { selector: { app: 'db' } }), apiVersion: 'v1' }),
    ['pods app=db'],
  ],
  [
    'selectors by expression',
    () =>
      show(
        set('StatefulSet', {
          selector: {
            matchExpressions: [
              { key: 'a', operator: 'In', values: ['x', 'y'] },
              { key: 'b', operator: 'DoesNotExist' },
            ],
          },
        }),
      ),
    ['pods a in (x,y),!b'],
  ],
]
for (const [why, got, want] of cases) test(`relatedOf: ${why}`, () => assert.deepEqual(got(), want))

test('suspects: pods with a bad sign first, of the slow ones two, of the healthy none', () => {
  const slow = ['a', 'b', 'c'].map((name) => pod(name, '2'))
  const bad = pod('bad', '2', { waiting: { reason: 'CrashLoopBackOff' }, restarts: 3 })
  const pods = [...slow, bad, pod('fine', '2', { ready: true })]
  const found = suspects(deployment(), { word: 'waiting', says: '' }, pods)
  assert.deepEqual(
    found.map(({ object, sure }) => `${object.metadata.name} ${sure}`),
    ['bad true', 'a false', 'b false'],
  )
  assert.deepEqual(suspects(deployment(), { word: 'current', says: '' }, pods), [])
})
