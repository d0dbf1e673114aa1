import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { K8sObject } from '../release/object.ts'
import type { Status } from './status.ts'
import { summary } from './verdict.ts'

const object = (kind: string, name: string, rest: object = {}): K8sObject => ({
  apiVersion: 'apps/v1',
  kind,
  metadata: { name, namespace: 'shop' },
  ...rest,
})
const well: Status = { word: 'current', says: 'it is there' }
const late: Status = { word: 'waiting', says: 'it takes its time' }
const gated: Status = { word: 'waiting', says: 'it is held', code: 'SCHEDULING_GATED' }
const dead: Status = { word: 'failed', says: 'it crashes', code: 'CRASH_LOOP' }
const lost: Status = {
  word: 'failed',
  says: 'secret "tls" not found',
  code: 'CONFIG_MISSING',
  asks: [{ group: '', version: 'v1', kind: 'Secret', namespace: 'shop', name: 'tls' }],
}
const web = object('Deployment', 'web')
const db = object('StatefulSet', 'db')
const certificate = object('Certificate', 'web', {
  apiVersion: 'certs.example.com/v1',
  spec: { secretName: 'tls' },
})
const policy = object('NetworkPolicy', 'tls', { apiVersion: 'networking.k8s.io/v1' })

const cases: readonly [
  judged: readonly (readonly [K8sObject, Status])[],
  want: readonly [word: string, says: string],
  why: string,
][] = [
  [[], ['current', 'it has no objects'], 'nothing is as asked'],
  [[[web, well]], ['current', 'Deployment web: it is there'], 'workloads are told of'],
  [
    [
      [web, late],
      [db, dead],
    ],
    ['failed', 'StatefulSet db: it crashes'],
    'an end goes before what waits',
  ],
  [
    [
      [web, late],
      [db, gated],
    ],
    ['waiting', 'StatefulSet db: it is held'],
    'what says why goes first',
  ],
  [
    [
      [web, gated],
      [db, gated],
    ],
    ['waiting', 'Deployment web: it is held'],
    'among equals their order holds',
  ],
  [
    [
      [web, well],
      [db, late],
    ],
    ['waiting', 'StatefulSet db: it takes its time'],
    'one that waits is enough',
  ],
  [[[web, lost]], ['failed', 'Deployment web: secret "tls" not found'], 'nobody makes it'],
  [
    [
      [web, lost],
      [certificate, late],
    ],
    ['waiting', 'Deployment web: secret "tls" not found (Certificate shop/web may make it)'],
    'an operator may still make the Secret',
  ],
  [
    [
      [web, lost],
      [policy, well],
    ],
    ['failed', 'Deployment web: secret "tls" not found'],
    'a name alone makes nothing',
  ],
]
for (const [judged, [word, says], why] of cases)
  test(`summary: ${why}`, () => {
    const found = summary(judged.map(([one, status]) => ({ object: one, status })))
    assert.deepEqual([found.word, found.says], [word, says])
  })

test('summary: what else is wrong stands in the evidence', () => {
  const found = summary([
    { object: web, status: dead },
    { object: db, status: gated },
  ])
  assert.deepEqual(found.evidence, [{ object: 'StatefulSet shop/db', says: 'it is held' }])
})
