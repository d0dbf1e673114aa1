/**
 * A pod on its own: ready, or done.
 *
 * @module
 */
import { textAt } from './at.ts'
import { isReady, podTrouble } from './pod-trouble.ts'
import type { Live, Status } from './status.ts'

/** Judges a Pod. */
export function podStatus(live: Live): Status {
  const { object } = live
  const phase = textAt(object, 'status', 'phase')
  if (phase === 'Succeeded') return { word: 'current', says: 'it has completed' }
  if (phase === 'Running' && isReady(object)) return { word: 'current', says: 'it is ready' }
  const trouble = podTrouble(object, live)
  if (phase !== 'Failed') return trouble ?? { word: 'waiting', says: 'it is not ready yet' }
  return {
    ...trouble,
    word: 'failed',
    says: trouble?.says ?? 'it failed',
    hint: 'A pod without a controller is not made again: delete it and deploy again.',
  }
}
