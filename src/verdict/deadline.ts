/**
 * The deadline of a Deployment itself, counted here as well: its controller now and then never reports it.
 *
 * @module
 */
import type { K8sObject } from '../release/object.ts'
import { conditions, numberAt } from './at.ts'
import { timeMs } from './events.ts'
import { isReady, podsOf } from './pod-trouble.ts'
import type { Live } from './status.ts'

/** The API server's own default of spec.progressDeadlineSeconds. */
const byDefault = 600
/** Kubernetes' own word for "no deadline". */
const never = 2_147_483_647
/** The controller counts in whole seconds and speaks a little later. */
const slackMs = 1_000

/** Seconds without progress after which a rollout has failed. */
export function deadlineOf(deployment: K8sObject): number {
  return numberAt(deployment, 'spec', 'progressDeadlineSeconds') ?? byDefault
}

/**
 * Whether its time is up. Progress is a new set, or a new pod that became ready or available and still is; a pod that was
 * made in place of a lost one is none.
 *
 * @param set - that of the newest revision
 */
export function isLate({ object, related, nowMs, sinceMs }: Live, set: K8sObject | undefined): boolean {
  const progress = conditions(object).get('Progressing')
  const isOurs = set !== undefined && (progress?.message.includes(`"${set.metadata.name}"`) ?? false)
  if (isOurs && progress?.status === 'False' && progress.reason === 'ProgressDeadlineExceeded') return true
  const seconds = deadlineOf(object)
  if (seconds >= never) return false
  const pods = set === undefined ? [] : podsOf(set, related).filter(isReady)
  const steadyMs = (numberAt(object, 'spec', 'minReadySeconds') ?? 0) * 1_000
  const ready = pods
    .map((pod) => timeMs(conditions(pod).get('Ready')?.since))
    .flatMap((time) => (time + steadyMs <= nowMs ? [time, time + steadyMs] : [time]))
  const resumed = progress?.reason === 'DeploymentResumed' ? timeMs(progress.since) : 0
  const moved = Math.max(sinceMs, timeMs(set?.metadata.creationTimestamp), resumed, ...ready)
  return nowMs > moved + seconds * 1_000 + slackMs
}
