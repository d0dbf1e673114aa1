/**
 * A pod on its own: ready, or done.
 *
 * @module
 */
import { conditions, textAt } from './at.ts'
import { evidence, podTrouble } from './pod-trouble.ts'
import type { Live, Status } from './status.ts'

/** Judges a Pod. */
export function podStatus({ object, events }: Live): Status {
  const phase = textAt(object, 'status', 'phase')
  if (phase === 'Succeeded') return { word: 'current', says: 'it has completed' }
  if (phase === 'Running' && conditions(object).get('Ready')?.status === 'True')
    return { word: 'current', says: 'it is ready' }
  if (phase === 'Failed') {
    const reason = textAt(object, 'status', 'reason') ?? ''
    const message = textAt(object, 'status', 'message') ?? ''
    return {
      word: 'failed',
      says: `it failed${reason === '' ? '' : `: ${reason}`}${message === '' ? '' : ` (${message})`}`,
      code: reason === 'Evicted' ? 'EVICTED' : 'CRASH_LOOP',
      hint: 'A pod without a controller is not made again: delete it and deploy again.',
      evidence: [evidence(object, `phase Failed ${reason} ${message}`.trim())],
    }
  }
  return podTrouble(object, events) ?? { word: 'waiting', says: 'it is not ready yet' }
}
