import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Event } from '../event/event.ts'
import type { Cluster, Commit, RequestId } from '../release/ids.ts'
import type { DeployRequest } from '../release/request.ts'
import { openMetrics } from './metrics.ts'

const opened = (now = 5_000) =>
  openMetrics({
    version: '1.2.3',
    now: () => now,
    waiting: async () => ({ requests: 1, since: 1_000 }),
    held: async () => 3,
    journalBytes: () => 4_096,
  })

function request(name: string, cluster = 'prod'): DeployRequest {
  return {
    id: name as RequestId,
    cluster: cluster as Cluster,
    source: 'src',
    image: { repository: 'acme/web', tag: 'v2', digest: undefined },
    author: { name: 'Ada', email: '' },
    acceptedAt: 1_000,
  }
}

function finished(asked: DeployRequest, timing = {}): Event {
  const { id, cluster } = asked
  const verdict = { id, cluster, verdict: 'failed', releases: [], timing: { acceptedMs: 0, ...timing } } as const
  return { kind: 'finished', request: asked, verdict }
}

/** The values by name and labels, without those of the process. */
async function values(text: Promise<string>): Promise<ReadonlyMap<string, number>> {
  const lines = (await text).split('\n').filter((line) => line.startsWith('mgo_'))
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]))
}

test('a deploy in numbers', async () => {
  const metrics = opened()
  const asked = request('01')
  const cluster = asked.cluster
  const commit = 'c' as Commit
  const events: Event[] = [
    { kind: 'accepted', request: asked },
    { kind: 'accepted', request: request('02') },
    { kind: 'committed', id: asked.id, commit, files: [], releases: [] },
    { kind: 'pushed', ids: [asked.id], commit, turns: 2 },
    { kind: 'planned', cluster, apply: 1, keep: 0, prune: 0 },
    { kind: 'applied', cluster, unit: 'app/web', revision: 1 },
    { kind: 'judged', cluster, release: { release: 'app/web', verdict: 'failed', reason: '' } },
    finished(asked, { committedMs: 30, pushedMs: 90 }),
  ]
  for (const event of events) metrics.told({ ...event, at: 2_000 })
  const got = await values(metrics.text())
  const want: Record<string, number> = {
    'mgo_build_info{version="1.2.3"}': 1,
    mgo_requests_accepted_total: 2,
    mgo_requests_open: 1,
    mgo_deliveries_waiting: 3,
    mgo_requests_oldest_seconds: 4,
    mgo_push_batch_size_sum: 1,
    mgo_push_turns_sum: 2,
    'mgo_applies_total{cluster="prod"}': 1,
    'mgo_releases_judged_total{cluster="prod",verdict="failed"}': 1,
    'mgo_deploys_total{cluster="prod",verdict="failed"}': 1,
    'mgo_problems_total{code="release"}': 1,
    'mgo_deploy_seconds_sum{cluster="prod"}': 1,
    'mgo_stage_seconds_sum{stage="commit"}': 0.03,
    'mgo_stage_seconds_sum{stage="push"}': 0.06,
  }
  for (const [name, value] of Object.entries(want)) assert.equal(got.get(name), value, name)
})

test('the other readers', async () => {
  const metrics = opened()
  metrics.http({ method: 'GET', route: '/v1/deploys/:id', status: 200, ms: 20 })
  metrics.journal({ writes: 3, ms: 1, kept: true })
  metrics.journal({ writes: 9, ms: 1, kept: false })
  const kube = metrics.kube('prod')
  kube.asked({ verb: 'list', status: 429, ms: 10 })
  kube.load({ inUse: 2, limit: 8, waiting: 5 })
  const got = await values(metrics.text())
  const want: Record<string, number> = {
    'mgo_http_requests_total{method="GET",route="/v1/deploys/:id",status="200"}': 1,
    mgo_journal_writes_total: 3,
    mgo_journal_failures_total: 1,
    mgo_journal_group_size_count: 1,
    mgo_journal_bytes: 4_096,
    'mgo_kube_requests_total{cluster="prod",verb="list",status="429"}': 1,
    'mgo_kube_budget_in_use{cluster="prod"}': 2,
    'mgo_kube_budget_limit{cluster="prod"}': 8,
    'mgo_kube_budget_waiting{cluster="prod"}': 5,
  }
  for (const [name, value] of Object.entries(want)) assert.equal(got.get(name), value, name)
})

test('labels stay few, whatever callers ask for', async () => {
  const metrics = opened()
  for (let i = 0; i < 5_000; i++) metrics.told({ ...finished(request(String(i), `made-up-${i}`)), at: 2_000 })
  for (let i = 0; i < 1_000; i++)
    metrics.told({ kind: 'planned', cluster: `real-${i}` as Cluster, apply: 0, keep: 0, prune: 0, at: 2_000 })
  for (let i = 0; i < 1_000; i++) metrics.told({ ...finished(request(String(i), `real-${i}`)), at: 2_000 })
  const got = await values(metrics.text())
  const clusters = [...got.keys()].filter((name) => name.startsWith('mgo_deploys_total'))
  assert.equal(clusters.length, 202)
  assert.equal(got.get('mgo_deploys_total{cluster="unknown",verdict="failed"}'), 5_000)
  assert.equal(got.get('mgo_deploys_total{cluster="other",verdict="failed"}'), 800)
})
