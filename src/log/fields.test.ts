import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Told } from '../event/event.ts'
import type { Cluster, Commit, RequestId } from '../release/ids.ts'
import { fieldsOf, levelOf } from './fields.ts'

const cluster = 'prod' as Cluster
const id = '01' as RequestId
const request = {
  id,
  cluster,
  source: 'src',
  image: { repository: 'acme/web', tag: 'v2', digest: undefined },
  author: { name: 'Ada', email: 'ada@example.com' },
  principal: 'token ci',
  rule: 'ci-web',
  acceptedAt: 1,
}
const failed = { release: 'app/web', verdict: 'failed', reason: 'x', code: 'CRASH_LOOP', revision: 3 } as const
const timing = { acceptedMs: 0 }

const cases: [told: Told, want: Record<string, unknown>][] = [
  [
    { kind: 'accepted', request, at: 1 },
    {
      id,
      cluster,
      source: 'src',
      image: 'acme/web:v2',
      author: 'Ada <ada@example.com>',
      principal: 'token ci',
      rule: 'ci-web',
    },
  ],
  [
    { kind: 'judged', cluster, release: failed, at: 1 },
    { cluster, release: 'app/web', verdict: 'failed', revision: 3, code: 'CRASH_LOOP' },
  ],
  [
    { kind: 'finished', verdict: { id, cluster, verdict: 'healthy', releases: [failed], timing }, at: 1 },
    { id, cluster, verdict: 'healthy', commit: undefined, code: undefined, timing },
  ],
  [
    { kind: 'pushed', ids: [id], commit: 'c' as Commit, turns: 1, at: 1 },
    { ids: [id], commit: 'c', turns: 1 },
  ],
]
for (const [told, want] of cases)
  test(`fieldsOf ${told.kind}`, () => assert.deepEqual(fieldsOf(told), { event: told.kind, ...want }))

test('what did not work is a warning', () => {
  assert.equal(levelOf({ kind: 'judged', cluster, release: failed, at: 1 }), 'warn')
  assert.equal(levelOf({ kind: 'judged', cluster, release: { ...failed, verdict: 'healthy' }, at: 1 }), 'info')
})
