import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Standing } from '../deploy/standing.ts'
import type { Cluster } from '../release/ids.ts'
import { ago, showStandings, showWhy } from './standing.ts'

const nowMs = Date.parse('2026-01-02T12:00:00Z')
const fine: Standing = {
  release: 'app/web',
  cluster: 'prod' as Cluster,
  state: 'healthy',
  says: 'Deployment web: 3 of 3 new pods are ready',
  runs: ['acme/web:v2'],
  revision: 12,
  since: '2026-01-02T09:30:00Z',
  by: 'Ada Lovelace <ada@example.com>',
  at: '2026-01-02T09:29:00Z',
  commit: '4f2c00000000',
  subject: 'Deploy: acme/web:v2 to prod by Ada Lovelace <ada@example.com>',
}
const broken: Standing = {
  ...fine,
  release: 'app/shop',
  state: 'failed',
  says: 'Deployment shop: 0 of 1 new pods are ready; the image acme/shop:v9 was not found',
  code: 'IMAGE_NOT_FOUND',
  hint: 'Has CI pushed it?',
  evidence: [{ object: 'Pod app/shop-x', says: 'ErrImagePull: \u001b[31mnot found', at: '2026-01-02T11:59:30Z' }],
}

test('ago, from seconds to days', () => {
  const at = (ms: number) => ago(new Date(nowMs - ms).toISOString(), nowMs)
  assert.deepEqual(
    [at(4_000), at(90_000), at(7_200_000), at(86_400_000 * 3), ago(undefined, nowMs), at(-5_000)],
    ['4 s ago', '1 min ago', '2 h ago', '3 days ago', '-', '0 s ago'],
  )
})

test('status: a line each, and below it what is wrong and what to do', () => {
  assert.equal(
    showStandings([fine, broken], nowMs),
    `RELEASE   STATE    RUNS         SINCE                  BY
app/web   healthy  acme/web:v2  2 h ago (revision 12)  Ada Lovelace
app/shop  failed   acme/web:v2  2 h ago (revision 12)  Ada Lovelace
    [IMAGE_NOT_FOUND] Deployment shop: 0 of 1 new pods are ready; the image acme/shop:v9 was not found
    → Has CI pushed it?

1 of 2 releases are healthy`,
  )
})

test('why: cause, evidence, next step, who asked', () => {
  assert.equal(
    showWhy({ releases: [broken] }, nowMs),
    `app/shop on prod: failed [IMAGE_NOT_FOUND]: Deployment shop: 0 of 1 new pods are ready; the image acme/shop:v9 was not found
    Pod app/shop-x: ErrImagePull:  [31mnot found (30 s ago)
    → Has CI pushed it?
  runs: acme/web:v2
  on the cluster: revision 12, 2 h ago
  asked for by Ada Lovelace <ada@example.com>, 2 h ago: Deploy: acme/web:v2 to prod by Ada Lovelace <ada@example.com>
  commit 4f2c00000000`,
  )
})
