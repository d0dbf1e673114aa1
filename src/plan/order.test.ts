import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { K8sObject } from '../release/object.ts'
import { inOrder } from './order.ts'

const object = (kind: string): K8sObject => ({ apiVersion: 'v1', kind, metadata: { name: 'x' } })
const cases: [kinds: string[], want: string[][], why: string][] = [
  [['Deployment', 'Namespace'], [['Namespace'], ['Deployment']], 'a namespace before what lives in it'],
  [
    ['Widget', 'CustomResourceDefinition'],
    [['CustomResourceDefinition'], ['Widget']],
    'a definition before its objects',
  ],
  [
    ['Deployment', 'ConfigMap', 'Secret'],
    [['ConfigMap', 'Secret'], ['Deployment']],
    'settings before pods, side by side',
  ],
  [
    ['ValidatingWebhookConfiguration', 'Widget', 'Service'],
    [['Service'], ['Widget'], ['ValidatingWebhookConfiguration']],
    'webhooks judge what comes after them, so they come last',
  ],
  [[], [], 'nothing'],
]
for (const [kinds, want, why] of cases) {
  test(`inOrder: ${why}`, () => {
    const got = inOrder(kinds.map(object)).map((phase) => phase.map((one) => one.kind))
    assert.deepEqual(got, want)
  })
}
