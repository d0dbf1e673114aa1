import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { UnitRecord } from '../ports.ts'
import { type Cluster, parseCluster } from '../release/ids.ts'
import { rawKey, type Unit } from '../release/release.ts'
import { plan } from './plan.ts'

const cluster = parseCluster('prod') as Cluster
const unit: Unit = {
  kind: 'raw',
  key: rawKey('team'),
  cluster,
  name: 'team',
  file: { path: 'installations/prod/team-raw.yaml', oid: '0'.repeat(40) },
}
const record: UnitRecord = { key: unit.key, revision: 3, stamp: 'same', state: 'deployed', ours: true }

type Row = [why: string, units: readonly Unit[], record: UnitRecord | undefined, file: boolean, want: string]
const rows: readonly Row[] = [
  ['a new file is applied', [unit], undefined, true, 'apply: not on the cluster yet'],
  ['the same input costs nothing', [unit], record, true, 'keep: unchanged since revision 3'],
  [
    'a changed file is applied',
    [unit],
    { ...record, stamp: 'older' },
    true,
    'apply: its files, its chart or the cluster changed',
  ],
  ['a failed attempt is made again', [unit], { ...record, state: 'failed' }, true, 'apply: revision 3 failed'],
  [
    'half an attempt is made again',
    [unit],
    { ...record, state: 'pending' },
    true,
    'apply: revision 3 was never finished',
  ],
  [
    'a foreign revision is replaced',
    [unit],
    { ...record, stamp: undefined },
    true,
    'apply: revision 3 was not made by mgo',
  ],
  ['a file that is gone is pruned', [], record, false, 'prune: its file is gone from the repo'],
  ['a file that is a link or only rendered is not gone', [], record, true, ''],
  ['what mgo did not write is never pruned', [], { ...record, ours: false }, false, ''],
  ['a chart is never uninstalled', [], { ...record, key: 'chart:app/web' }, false, ''],
]
for (const [why, units, known, file, want] of rows) {
  test(`plan: ${why}`, () => {
    const steps = plan({
      units,
      records: new Map(known === undefined ? [] : [[known.key, known]]),
      inputs: new Map([[unit.key, 'same']]),
      rawFiles: new Set(file ? [unit.key] : []),
    })
    assert.equal(steps.map((step) => `${step.kind}: ${step.reason}`).join('\n'), want)
  })
}
