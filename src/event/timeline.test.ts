import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Cluster, Commit, RequestId } from '../release/ids.ts'
import type { DeployRequest } from '../release/request.ts'
import type { Timing, Word } from '../release/verdict.ts'
import type { Event } from './event.ts'
import { timeline } from './timeline.ts'

const cluster = 'prod' as Cluster
const commit = 'c' as Commit

function request(name: string, acceptedAt: number): DeployRequest {
  const image = { repository: 'acme/web', tag: 'v2', digest: undefined }
  return { id: name as RequestId, cluster, source: 'src', image, author: { name: 'Ada', email: '' }, acceptedAt }
}

function finished(asked: DeployRequest, timing: Partial<Timing>, verdict: Word = 'healthy'): Event {
  const releases = [{ release: 'app/web', verdict, reason: '' }]
  const { id } = asked
  return {
    kind: 'finished',
    request: asked,
    verdict: { id, cluster, verdict, releases, timing: { acceptedMs: 0, ...timing } },
  }
}

const one = request('01', 1_000)
const apply: readonly [number, Event][] = [
  [1_200, { kind: 'planned', cluster, apply: 1, keep: 0, prune: 0 }],
  [1_210, { kind: 'applying', cluster, unit: 'app/web', reason: '' }],
  [1_600, { kind: 'applied', cluster, unit: 'app/web', revision: 2 }],
  [2_500, { kind: 'judged', cluster, release: { release: 'app/web', verdict: 'healthy', reason: '' } }],
]

function courseOf(events: readonly (readonly [number, Event])[]) {
  const line = timeline()
  return events.map(([at, event]) => line.told({ ...event, at })).findLast((found) => found !== undefined)
}

test('a deploy: each part, in its order', () => {
  const course = courseOf([
    [1_000, { kind: 'accepted', request: one }],
    [1_150, { kind: 'committed', id: one.id, commit, files: [], releases: [] }],
    [1_150, { kind: 'pushed', ids: [one.id], commit, turns: 1 }],
    ...apply,
    [2_510, finished(one, { committedMs: 40, pushedMs: 150 })],
  ])
  assert.equal(course?.to, 2_510)
  assert.deepEqual(course?.spans, [
    { stage: 'commit', from: 1_000, to: 1_040 },
    { stage: 'push', from: 1_040, to: 1_150 },
    { stage: 'plan', from: 1_150, to: 1_200 },
    { stage: 'apply', from: 1_210, to: 1_600, unit: 'app/web' },
    { stage: 'verdict', from: 1_600, to: 2_500, unit: 'app/web' },
  ])
})

test('what was done before the push was done for somebody else', () => {
  const late = request('02', 2_000)
  const course = courseOf([
    ...apply,
    [2_700, { kind: 'planned', cluster, apply: 0, keep: 1, prune: 0 }],
    [2_900, { kind: 'judged', cluster, release: { release: 'app/web', verdict: 'healthy', reason: '' } }],
    [2_950, finished(late, { committedMs: 600, pushedMs: 650 })],
  ])
  assert.deepEqual(course?.spans.slice(2), [
    { stage: 'plan', from: 2_650, to: 2_700 },
    { stage: 'verdict', from: 2_700, to: 2_900, unit: 'app/web' },
  ])
})

test('a refused one has no parts, and a sync is no deploy', () => {
  assert.deepEqual(courseOf([[1_010, finished(one, {}, 'refused')]])?.spans, [])
  const { request: _, ...sync } = finished(one, {}) as Extract<Event, { kind: 'finished' }>
  assert.equal(courseOf([[1_010, sync]]), undefined)
})
