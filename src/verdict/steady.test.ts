import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pod } from '../../test/objects.ts'
import { doubtMs, type PodHistory, watchPod } from './steady.ts'

const t0 = Date.parse('2026-01-01T12:00:00Z')

/** What is remembered of a pod that was ready (or not) for so many ms, one after the other. */
function lived(...spans: readonly (readonly [ready: boolean, ms: number])[]): { history: PodHistory; nowMs: number } {
  let history: PodHistory | undefined
  let nowMs = t0
  for (const [ready, ms] of spans) {
    history = watchPod(history, pod('a', '2', { ready }), nowMs)
    nowMs += ms
  }
  return { history: history ?? watchPod(undefined, pod('a', '2'), nowMs), nowMs }
}

const cases: readonly [why: string, spans: readonly (readonly [boolean, number])[], want: number][] = [
  [
    'never fell: believed at once',
    [
      [false, 500],
      [true, 1],
    ],
    0,
  ],
  [
    'fell after 2 s, ready again for 1 s: 4.5 s are wanted',
    [
      [true, 2_000],
      [false, 2_000],
      [true, 1_000],
    ],
    3_500,
  ],
  [
    'the longest run counts',
    [
      [true, 3_000],
      [false, 1],
      [true, 1_000],
      [false, 1],
      [true, 0],
    ],
    6_500,
  ],
  [
    '10 s at most',
    [
      [true, 60_000],
      [false, 1],
      [true, 0],
    ],
    10_000,
  ],
  [
    'it has shown it',
    [
      [true, 1_000],
      [false, 1],
      [true, 3_000],
    ],
    0,
  ],
]
for (const [why, spans, want] of cases)
  test(`doubtMs: ${why}`, () => {
    const { history, nowMs } = lived(...spans)
    assert.equal(doubtMs(pod('a', '2', { ready: true }), history, nowMs), want)
  })

test('doubtMs: a pod that is not ready is the business of its rules', () => {
  const { history, nowMs } = lived([true, 2_000], [false, 100])
  assert.equal(doubtMs(pod('a', '2'), history, nowMs), 0)
})

test('doubtMs: started again, it must live longer than before; a death of long ago is forgotten', () => {
  const last = { startedAt: '2026-01-01T11:59:55Z', finishedAt: '2026-01-01T11:59:58Z' }
  const again = pod('a', '2', { ready: true, restarts: 1, last, startedAt: '2026-01-01T11:59:59Z' })
  assert.equal(doubtMs(again, undefined, t0), 2_500)
  assert.equal(doubtMs(again, undefined, t0 + 600_000), 0)
})
