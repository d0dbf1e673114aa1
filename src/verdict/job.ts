/**
 * A Job is as asked when it is complete. A pod that failed is not a Job that failed: its backoffLimit decides.
 *
 * @module
 */
import { at, conditions, numberAt } from './at.ts'
import { podsOf, worstTrouble } from './pod-trouble.ts'
import type { Live, Status } from './status.ts'

/** Troubles that no retry of the pod can mend. */
const hopeless = new Set(['IMAGE_NOT_FOUND', 'IMAGE_AUTH', 'IMAGE_NAME', 'CONFIG_MISSING'])

/** Judges a Job; `related` holds Pods. */
export function jobStatus({ object, related, events }: Live): Status {
  const known = conditions(object)
  if (known.get('Complete')?.status === 'True') return { word: 'current', says: 'it is complete' }
  const failed = known.get('Failed')
  if (failed?.status === 'True')
    return {
      word: 'failed',
      says: `it failed: ${failed.message || failed.reason}${lastWords(exitCode(podsOf(object, related)))}`,
      code: 'JOB_FAILED',
      hint: `Read what it printed: kubectl logs -n ${object.metadata.namespace ?? 'default'} job/${object.metadata.name}.`,
      evidence: [
        {
          object: `Job ${object.metadata.namespace ?? 'default'}/${object.metadata.name}`,
          says: `${failed.reason}: ${failed.message}`,
        },
      ],
    }
  if (at(object, 'spec', 'suspend') === true)
    return { word: 'waiting', says: 'it is suspended', code: 'PAUSED', hint: 'Set spec.suspend to false.' }
  const trouble = worstTrouble(podsOf(object, related), events)
  const done = numberAt(object, 'status', 'succeeded') ?? 0
  const says = `${done} of ${numberAt(object, 'spec', 'completions') ?? 1} pods have completed`
  if (trouble === undefined || trouble.code === 'READINESS') return { word: 'waiting', says }
  const word = trouble.word === 'failed' && hopeless.has(trouble.code) ? 'failed' : 'waiting'
  return { ...trouble, word, says: `${says}; ${trouble.says}` }
}

function exitCode(pods: readonly unknown[]): number | undefined {
  const codes = pods.flatMap((pod) => {
    const found = at(pod, 'status', 'containerStatuses')
    return Array.isArray(found) ? found.map((one) => numberAt(one, 'state', 'terminated', 'exitCode')) : []
  })
  return codes.findLast((code) => code !== undefined && code !== 0)
}

function lastWords(code: number | undefined): string {
  return code === undefined ? '' : `; its last pod exited with code ${code}`
}
