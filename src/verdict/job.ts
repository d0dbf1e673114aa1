/**
 * A Job is as asked when it is complete. A pod that failed is not a Job that failed: its backoffLimit decides.
 *
 * @module
 */
import type { K8sObject } from '../release/object.ts'
import { at, type Condition, conditions, numberAt, textAt } from './at.ts'
import { podsOf, podTrouble, worstTrouble } from './pod-trouble.ts'
import { failedCreate } from './refused.ts'
import type { Live, Status } from './status.ts'
import { evidence, type Trouble } from './trouble.ts'

/** Troubles that no retry of the pod can mend; all others are the backoffLimit's to judge. */
const hopeless = /^(?:IMAGE_|CONFIG_MISSING|CREATE_ERROR|QUOTA|ADMISSION|WEBHOOK|SERVICE_ACCOUNT|VOLUME|TERMINATING)/

/** Judges a Job; `related` holds Pods. */
export function jobStatus(live: Live): Status {
  const { object, related } = live
  const known = conditions(object)
  const pods = podsOf(object, related)
  if (known.get('Complete')?.status === 'True') return { word: 'current', says: completed(object) }
  const end = [known.get('Failed'), known.get('FailureTarget')].find((one) => one?.status === 'True')
  if (end !== undefined) return failed(object, end, pods)
  if (at(object, 'spec', 'suspend') === true) return suspended(object)
  const done = numberAt(object, 'status', 'succeeded') ?? 0
  const says = `${done} of ${numberAt(object, 'spec', 'completions') ?? 1} pods have completed`
  const trouble = worstTrouble(pods, live) ?? failedCreate(object, pods, live)
  if (trouble === undefined || trouble.code === 'READINESS') return running(object, says)
  const word = trouble.word === 'failed' && hopeless.test(trouble.code) ? 'failed' : 'waiting'
  return { ...trouble, word, says: `${says}${retries(object)}; ${trouble.says}` }
}

function completed(job: K8sObject): string {
  const tries = numberAt(job, 'status', 'failed') ?? 0
  return tries === 0 ? 'it is complete' : `it is complete, after ${tries} failed ${tries === 1 ? 'pod' : 'pods'}`
}

function retries(job: K8sObject): string {
  const tries = numberAt(job, 'status', 'failed') ?? 0
  return tries === 0 ? '' : `, ${tries} failed (its backoffLimit is ${numberAt(job, 'spec', 'backoffLimit') ?? 6})`
}

function running(job: K8sObject, says: string): Status {
  const active = numberAt(job, 'status', 'active') ?? 0
  return { word: 'waiting', says: `${says}, ${active} ${active === 1 ? 'runs' : 'run'}${retries(job)}` }
}

function suspended(job: K8sObject): Status {
  const { name, namespace = 'default' } = job.metadata
  return {
    word: 'waiting',
    says: 'it is suspended (spec.suspend), and does not run until somebody resumes it',
    code: 'PAUSED',
    hint: `Resume it: kubectl patch job/${name} -n ${namespace} -p '{"spec":{"suspend":false}}'.`,
    evidence: [evidence(job, 'spec.suspend is true', conditions(job).get('Suspended')?.since)],
  }
}

function failed(job: K8sObject, end: Condition, pods: readonly K8sObject[]): Status {
  const last = lastDeath(pods)
  const indexes = textAt(job, 'status', 'failedIndexes')
  const { name, namespace = 'default' } = job.metadata
  const words = [end.reason, end.message].filter((one) => one !== '').join(': ')
  return {
    word: 'failed',
    says: `the Job ${name} failed: ${words}${indexes === undefined ? '' : ` (failed indexes ${indexes})`}${last === undefined ? '' : `; ${last.says}`}`,
    code: 'JOB_FAILED',
    hint: `Read what it printed: kubectl logs -n ${namespace} job/${name}.`,
    evidence: [evidence(job, `${end.type}: ${words}`, end.since), ...(last?.evidence ?? [])],
  }
}

/** How its newest dead pod ended. */
function lastDeath(pods: readonly K8sObject[]): Trouble | undefined {
  return pods
    .filter((pod) => textAt(pod, 'status', 'phase') !== 'Succeeded')
    .toSorted((a, b) => (a.metadata.creationTimestamp ?? '').localeCompare(b.metadata.creationTimestamp ?? ''))
    .flatMap((pod) => podTrouble(pod, { events: [] }) ?? [])
    .filter(({ code }) => code !== 'READINESS')
    .at(-1)
}
