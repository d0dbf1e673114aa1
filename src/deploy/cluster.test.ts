import assert from 'node:assert/strict'
import { test } from 'node:test'
import { script } from '../../test/world.ts'
import { MgoError } from '../error.ts'
import type { Applied, Engine, Target, UnitRecord, World } from '../ports.ts'
import type { Cluster, Commit } from '../release/ids.ts'
import type { Unit } from '../release/release.ts'
import { clusterLine } from './cluster.ts'

type Chart = Extract<Unit, { kind: 'chart' }>

const prod = 'prod' as Cluster
const path = 'installations/prod/web-values.yaml'
const file = (tag: string) =>
  new TextEncoder().encode(`__mygitops: { chart: ./web, namespace: shop }\nimage: { tag: ${tag} }\n`)

/** A cluster with one release, as helm records it: pending while an apply is under way. Commits are tags. */
function begin() {
  const state = { tip: 'v1', applies: 0, record: undefined as UnitRecord | undefined }
  let turn = Promise.withResolvers<'well' | 'badly'>()
  const engine = {
    kind: 'chart',
    records: async () => new Map(state.record === undefined ? [] : [[state.record.key, state.record]]),
    inputs: async ({ values }: Chart) => values.oid,
    apply: async ({ key, values }: Chart, _: Target, record: UnitRecord | undefined): Promise<Applied> => {
      // What the real one says of a record that it takes for somebody else's.
      if (record?.state === 'pending')
        throw new MgoError({ code: 'HELM_PENDING', message: 'another mgo is at work', hint: '' })
      state.applies++
      const revision = (record?.revision ?? 0) + 1
      const made = { key, revision, ours: true, stamp: values.oid }
      state.record = { ...made, state: 'pending' }
      const end = await turn.promise
      state.record = { ...made, state: end === 'well' ? 'deployed' : 'failed' }
      if (end === 'badly') throw new MgoError({ code: 'HELM_FAILED', message: 'it failed', hint: '' })
      return { revision, objects: [] }
    },
  } as unknown as Engine
  const { clock, kube } = script()
  const repo = {
    name: 'gitops',
    tip: async () => state.tip as Commit,
    tree: async (commit: Commit, folder: string) =>
      new Map(folder === 'mygitops.yaml' ? [] : [[path, { mode: '100644', oid: commit }]]),
    read: async (oids: readonly string[]) => new Map(oids.map((oid) => [oid, file(oid)])),
  }
  const secrets = { values: () => undefined }
  const world = { repo, engines: [engine], kube: async () => kube, clock, tell: () => undefined, secrets, width: 4 }
  const line = clusterLine(prod, world as unknown as World)
  return {
    state,
    bring: async () => {
      const { releases } = await line.bring({
        commit: state.tip as Commit,
        keys: new Set(['chart:shop/web']),
        noWait: true,
      })
      return releases.map(({ verdict, code, revision }) => code ?? `${verdict} ${revision ?? ''}`)
    },
    /** Lets the helm that is at work end. */
    end: (how: 'well' | 'badly') => {
      const ended = turn
      turn = Promise.withResolvers()
      ended.resolve(how)
    },
  }
}

const moment = () => new Promise((resolve) => setTimeout(resolve, 5))

test('who looks while helm is at work, and asks for the same, gets the same answer', async () => {
  const { state, bring, end } = begin()
  const first = bring()
  await moment()
  const second = bring()
  await moment()
  end('well')
  assert.deepEqual(await Promise.all([first, second]), [['applied 1'], ['applied 1']])
  assert.equal(state.applies, 1)
})

test('who looks while helm is at work, and asks for something else, goes on from there', async () => {
  const { state, bring, end } = begin()
  const first = bring()
  await moment()
  state.tip = 'v2'
  const second = bring()
  await moment()
  end('well')
  await moment()
  end('well')
  assert.deepEqual(await Promise.all([first, second]), [['applied 1'], ['applied 2']])
})

test('after an apply that failed the cluster is asked how it stands', async () => {
  const { state, bring, end } = begin()
  const first = bring()
  await moment()
  state.tip = 'v2'
  const second = bring()
  await moment()
  end('badly')
  await moment()
  end('well')
  assert.deepEqual(await Promise.all([first, second]), [['HELM_FAILED'], ['applied 2']])
  assert.equal(state.record?.revision, 2)
})
