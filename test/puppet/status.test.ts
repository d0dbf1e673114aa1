import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pod } from './script.ts'
import { conditions, type Container, phase, type Role, type State } from './status.ts'

const at = '2026-01-01T00:00:00Z'
const waiting: State = { waiting: { reason: 'ContainerCreating' } }
const running: State = { running: { startedAt: at } }
const ended = (exitCode: number): State => ({
  terminated: { exitCode, reason: exitCode === 0 ? 'Completed' : 'Error', startedAt: at, finishedAt: at },
})

function pod(restartPolicy: string, more: object = {}): Pod {
  const spec = { restartPolicy, containers: [], ...more }
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web' }, spec }
}

function container(state: State, role: Role = 'main', more: Partial<Container['status']> = {}): Container {
  const isRunning = 'running' in state
  const status = { name: role, image: 'a:b', imageID: '', ready: isRunning, started: isRunning, restartCount: 0, state }
  return { spec: { name: role, image: 'a:b' }, role, status: { ...status, lastState: {}, ...more } }
}

const crashed = container({ waiting: { reason: 'CrashLoopBackOff' } }, 'main', {
  restartCount: 1,
  lastState: { terminated: { exitCode: 1, reason: 'Error', startedAt: at, finishedAt: at } },
})
const phases: [policy: string, containers: readonly Container[], want: string, why: string][] = [
  ['Always', [container(waiting)], 'Pending', 'nothing has started'],
  ['Always', [container(running), container(waiting)], 'Pending', 'one of two has not started'],
  ['Always', [container(running)], 'Running', 'the plain case'],
  ['Always', [crashed], 'Running', 'a crash loop runs, for the kubelet'],
  ['Always', [container(ended(0))], 'Running', 'it will be restarted'],
  ['OnFailure', [container(ended(0))], 'Succeeded', 'done'],
  ['OnFailure', [container(ended(1))], 'Running', 'it will be restarted'],
  ['Never', [container(ended(1))], 'Failed', 'nobody restarts it'],
  ['Never', [container(ended(0)), container(running)], 'Running', 'the other still works'],
  ['Never', [container(ended(0)), container(ended(2))], 'Failed', 'one of two failed'],
  ['Always', [container(running, 'init'), container(waiting)], 'Pending', 'an init container runs'],
  ['Never', [container(ended(3), 'init'), container(waiting)], 'Failed', 'an init container failed for good'],
  ['Always', [container(waiting, 'sidecar'), container(waiting)], 'Pending', 'a sidecar has not started'],
  ['Always', [container(running, 'sidecar'), container(running)], 'Running', 'a sidecar beside its container'],
  ['Never', [container(running, 'sidecar'), container(ended(0))], 'Running', 'the sidecar is not ended yet'],
]
for (const [policy, containers, want, why] of phases)
  test(`phase: ${want}, because ${why}`, () => assert.equal(phase(pod(policy), containers), want))

test('conditions: the names of what is unready', () => {
  const [, initialized, ready] = conditions(
    pod('Always'),
    [container(running, 'init', { ready: false }), container(waiting)],
    {
      sandbox: true,
    },
  )
  assert.deepEqual(initialized, {
    type: 'Initialized',
    status: 'False',
    reason: 'ContainersNotInitialized',
    message: 'containers with incomplete status: [init]',
  })
  assert.equal(ready?.message, 'containers with unready status: [main]')
})

test('conditions: ready containers behind a closed gate', () => {
  const gated = pod('Always', { readinessGates: [{ conditionType: 'example.com/open' }] })
  const [, , ready, containersReady] = conditions(gated, [container(running)], { sandbox: true })
  assert.deepEqual(ready, {
    type: 'Ready',
    status: 'False',
    reason: 'ReadinessGatesNotReady',
    message: 'corresponding condition of pod readiness gate "example.com/open" does not exist.',
  })
  assert.deepEqual(containersReady, { type: 'ContainersReady', status: 'True' })
})
