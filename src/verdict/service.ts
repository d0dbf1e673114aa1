/**
 * A Service is as asked when it exists; one of type LoadBalancer when it has its address.
 *
 * @module
 */
import { listAt, textAt } from './at.ts'
import { evidence } from './pod-trouble.ts'
import type { Live, Status } from './status.ts'

const final =
  /quota|out of range|exceed|denied|forbidden|not authorized|unauthorized|invalid|not supported|already allocated/i

/** Judges a Service; its events say what the cloud says. */
export function serviceStatus({ object, events }: Live): Status {
  if (textAt(object, 'spec', 'type') !== 'LoadBalancer') return { word: 'current', says: 'it is there' }
  if (listAt(object, 'status', 'loadBalancer', 'ingress').length > 0)
    return { word: 'current', says: 'it has its address' }
  const failed = events.findLast(
    (event) =>
      textAt(event, 'involvedObject', 'uid') === object.metadata.uid &&
      textAt(event, 'type') === 'Warning' &&
      /LoadBalancer/.test(textAt(event, 'reason') ?? ''),
  )
  const message = textAt(failed, 'message') ?? ''
  if (failed === undefined)
    return {
      word: 'waiting',
      says: 'the cloud has given it no address yet',
      code: 'LOAD_BALANCER',
      hint: 'Is there a controller for load balancers on this cluster?',
    }
  return {
    word: final.test(message) ? 'failed' : 'waiting',
    says: `the cloud gives it no address: ${message}`,
    code: 'LOAD_BALANCER',
    hint: 'Mend what the cloud names; it tries again by itself.',
    evidence: [evidence(object, `${textAt(failed, 'reason') ?? ''}: ${message}`, textAt(failed, 'lastTimestamp'))],
  }
}
