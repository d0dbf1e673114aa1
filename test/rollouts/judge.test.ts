import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judge } from './judge.ts'
import type { Said } from './road.ts'
import { readRollout, rolloutNames, type Want } from './rollout.ts'

const failed: Want = { word: 'failed', code: 'CRASH_LOOP', says: ['node-b', 'code 2|exit 2'], within_s: 4 }
const said = (more: Partial<Said>): Said => ({
  word: 'failed',
  code: 'CRASH_LOOP',
  sentence: 'On Node-B it ended with Exit 2.',
  seconds: 3,
  exit: 1,
  ...more,
})

const rows: [said: Said, want: Want, wrong: number, late: boolean, green: boolean, why: string][] = [
  [said({}), failed, 0, false, false, 'all is said, in any case of letters and in one of the forms'],
  [said({ sentence: 'ended with exit 2' }), failed, 1, false, false, 'the node is not named'],
  [said({ code: 'READINESS' }), failed, 1, false, false, 'another cause'],
  [said({ seconds: 4.1 }), failed, 0, true, false, 'right, and too late'],
  [said({ word: 'healthy', code: undefined }), failed, 2, false, true, 'a false green'],
  [said({ word: 'timed-out' }), failed, 1, false, false, 'the evidence was there'],
  [said({ word: 'timed-out', seconds: 9 }), { ...failed, word: 'waiting-forever' }, 0, false, false, 'it waits'],
  [said({}), { ...failed, word: 'waiting-forever' }, 1, false, false, 'nothing has failed'],
  [
    said({ word: 'superseded', code: undefined }),
    { ...failed, code: 'SUPERSEDED' },
    0,
    false,
    false,
    'a word of its own is better still',
  ],
]
for (const [answer, want, wrong, late, green, why] of rows)
  test(`judge: ${why}`, () => {
    const found = judge(answer, want)
    assert.deepEqual([found.wrong.length, found.late, found.green], [wrong, late, green], found.wrong.join('; '))
  })

const codes = new Set(
  `IMAGE_NOT_FOUND IMAGE_AUTH IMAGE_NAME CREATE_ERROR SANDBOX EVICTED CRASH_LOOP OUT_OF_MEMORY LIVENESS STARTUP_PROBE
  START_ERROR INIT_CONTAINER READINESS READINESS_GATE CONFIG_MISSING QUOTA ADMISSION WEBHOOK SERVICE_ACCOUNT UNSCHEDULABLE
  SCHEDULING_GATED VOLUME STATEFULSET_STUCK JOB_FAILED LOAD_BALANCER CRD_NOT_SERVED CONDITION STALE_STATUS NO_CONTROLLER
  PAUSED SUPERSEDED DELETED TERMINATING REFUSED`.split(/\s+/),
)
const plays = new Set(
  `run never-ready flap exit crash probed image-pull image-name config-error create-error start-error mount sandbox
  evict`.split(/\s+/),
)

test('every rollout is whole: its name, its codes, its plays', () => {
  for (const name of rolloutNames()) {
    const rollout = readRollout(name, 'somewhere')
    assert.equal(rollout.name, name)
    assert.ok(rollout.after.length > 0, name)
    assert.ok(
      rollout.after.every((one) => one.metadata.namespace === undefined),
      name,
    )
    const { word, code, within_s } = rollout.want
    assert.ok(['healthy', 'failed', 'waiting-forever'].includes(word) && within_s > 0, name)
    assert.equal(code === undefined, word === 'healthy', name)
    if (code !== undefined) assert.ok(codes.has(code), `${name}: ${code}`)
    for (const { play } of rollout.kubelet ?? []) assert.ok(plays.has(play), `${name}: ${play}`)
    for (const { text } of rollout.proof ?? []) assert.doesNotThrow(() => new RegExp(text), name)
  }
})

test('every code and every play has a rollout', () => {
  const all = rolloutNames().map((name) => readRollout(name, 'somewhere'))
  const seen = new Set(all.flatMap(({ want, kubelet }) => [want.code, ...(kubelet ?? []).map(({ play }) => play)]))
  assert.deepEqual(
    [...codes, ...plays].filter((one) => !seen.has(one)),
    [],
  )
})
