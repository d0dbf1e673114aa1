import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Cluster } from '../release/ids.ts'
import { showClusters } from './clusters.ts'

test('a line for each cluster, and what is wrong below it', () => {
  const nowMs = Date.parse('2026-01-01T12:00:40Z')
  const rows = [
    {
      cluster: 'prod' as Cluster,
      state: 'reachable',
      says: 'it answers',
      requests: { inUse: 2, limit: 16, waiting: 0 },
      queued: 0,
      underWay: 3,
    },
    {
      cluster: 'far' as Cluster,
      state: 'silent',
      says: 'it gives\nno answer',
      since: '2026-01-01T12:00:00Z',
      code: 'KUBE_UNREACHABLE',
      hint: 'Is it up?',
    },
  ] as const
  assert.equal(
    showClusters(rows, nowMs),
    [
      'CLUSTER  STATE              QUEUED  UNDER WAY  REQUESTS',
      'prod     reachable          0       3          2 of 16',
      'far      silent since 40 s  -       -          -',
      '    [KUBE_UNREACHABLE] it gives no answer',
      '    → Is it up?',
    ].join('\n'),
  )
})
