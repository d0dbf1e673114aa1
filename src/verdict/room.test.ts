import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deployment, replicaSet } from '../../test/objects.ts'
import type { K8sObject } from '../release/object.ts'
import { mayMakeRoom } from './room.ts'

/** Seconds after 12:00:00, as Kubernetes writes them: without their fractions. */
const hour = Date.parse('2026-01-01T12:00:00Z')
const time = (seconds: number) => new Date(hour + seconds * 1_000).toISOString().replace('.000Z', 'Z')

type Given = {
  readonly counts: Readonly<Record<string, number>>
  readonly revision?: string
  /** When there was progress last; 0 where nothing is said. */
  readonly progress?: number | 'none'
  /** When the status was written last. */
  readonly written?: number
  /** When somebody wrote something else. */
  readonly labelled?: number
  readonly grace?: number
}

/** Three pods are wanted, and none may be missing. */
function rolling({ counts, revision = '2', progress = 0, written, labelled, grace }: Given): K8sObject {
  const strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } }
  const spec = grace === undefined ? {} : { terminationGracePeriodSeconds: grace }
  const made = deployment({ replicas: 3, revision, spec: { strategy, template: { spec } } })
  const told = { type: 'Progressing', status: 'True', lastUpdateTime: time(progress === 'none' ? 0 : progress) }
  const fields = [
    ...(written === undefined ? [] : [{ manager: 'kube-controller-manager', subresource: 'status', at: written }]),
    ...(labelled === undefined ? [] : [{ manager: 'kubectl', at: labelled }]),
  ]
  const managedFields = fields.map(({ at, ...rest }) => ({ ...rest, time: time(at) }))
  const conditions = progress === 'none' ? [] : [told]
  return { ...made, metadata: { ...made.metadata, managedFields }, status: { ...counts, conditions } }
}

const allOld = { replicas: 3, readyReplicas: 3, availableReplicas: 3, terminatingReplicas: 0 }
const oneLeft = { replicas: 2, readyReplicas: 2, availableReplicas: 2, terminatingReplicas: 0 }
const noneOld = { replicas: 2, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 2, terminatingReplicas: 0 }
const uncounted = { replicas: 2, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 2 }
const dying = { ...noneOld, terminatingReplicas: 1 }

const cases: readonly [why: string, given: Given, now: number, read: boolean, unread: boolean][] = [
  ['a pod is on its way out, however long that takes', { counts: dying }, 3_000, true, true],
  ['no old pod may go', { counts: allOld }, 1, false, false],
  ['the first version: there is nobody who could leave', { counts: noneOld, revision: '1' }, 1, false, false],
  ['the last old pod left just now', { counts: noneOld, progress: 20 }, 21, true, true],
  ['some old pods left just now, the others may not', { counts: oneLeft, progress: 20 }, 21, true, true],
  ['some left long ago', { counts: oneLeft, progress: 20 }, 40, false, true],
  ['timestamps have whole seconds: 12 s later it may be 11', { counts: noneOld, progress: 20 }, 31.999, true, true],
  ['the quota has been counted and read again', { counts: noneOld, progress: 20 }, 32, false, true],
  ['our clock is behind that of the cluster', { counts: noneOld, progress: 20 }, 19, true, true],
  ['it left long ago, and has taken 20 s to do so', { counts: noneOld, written: 20 }, 21, true, true],
  ['the status was written long ago', { counts: noneOld, written: 20 }, 32, false, true],
  ['a label that somebody sets says nothing of pods', { counts: noneOld, labelled: 500 }, 501, false, true],
  ['after ten minutes the set may still wait for its next try', { counts: noneOld }, 600, false, true],
  ['at the end of the longest pause it may still come', { counts: noneOld }, 1_011, false, true],
  ['by then it was tried again', { counts: noneOld }, 1_012, false, false],
  ['no word of progress: since its set was made', { counts: noneOld, progress: 'none' }, 11, true, true],
  ['no word of progress, long ago', { counts: noneOld, progress: 'none' }, 12, false, true],
  ['pods that leave are not counted: 30 s of grace', { counts: uncounted }, 41, true, true],
  ['no longer than that', { counts: uncounted }, 42, false, true],
  ['its own grace', { counts: uncounted, grace: 60 }, 71, true, true],
]

for (const [why, given, now, read, unread] of cases)
  test(`mayMakeRoom: ${why}`, () => {
    const object = rolling(given)
    const live = { object, related: [], events: [], hasStatus: true, nowMs: hour + now * 1_000, sinceMs: hour }
    const set = replicaSet('2', (given.counts['updatedReplicas'] ?? 0) as number)
    const found = [mayMakeRoom(live, set, true), mayMakeRoom(live, set, false)]
    assert.deepEqual(found, [read, unread], 'with the quota, and without')
  })
