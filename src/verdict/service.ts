/**
 * A Service is as asked when it exists; one of type LoadBalancer when it has its address.
 *
 * @module
 */
import { listAt, textAt } from './at.ts'
import { isCurrent, type Told, toldOf } from './events.ts'
import { isFinal } from './final.ts'
import type { Live, Status } from './status.ts'
import { evidence, short } from './trouble.ts'

/** Judges a Service; its events say what the cloud says. */
export function serviceStatus({ object, events }: Live): Status {
  if (textAt(object, 'spec', 'type') !== 'LoadBalancer') return { word: 'current', says: 'it is there' }
  const [address] = listAt(object, 'status', 'loadBalancer', 'ingress')
  if (address !== undefined)
    return {
      word: 'current',
      says: `it has its address ${textAt(address, 'ip') ?? textAt(address, 'hostname') ?? ''}`.trim(),
    }
  const told = toldOf(object, events).filter((one) => one.isWarning && isCurrent(one, object))
  const failed = told.at(-1)
  if (failed !== undefined) return refused(object, failed)
  const work = toldOf(object, events).findLast((one) => isCurrent(one, object))
  const word = work === undefined ? ', and nobody has said a word about it' : `: ${short(work.message)}`
  const type = textAt(object, 'spec', 'loadBalancerClass')
  const who = type === undefined ? 'a controller for load balancers' : `the controller of the class ${type}`
  return {
    word: 'waiting',
    says: `its load balancer has no address yet${word}`,
    code: 'LOAD_BALANCER',
    hint: `Is there ${who} on this cluster? Without one no address ever comes: use type ClusterIP or NodePort.`,
    evidence: [evidence(object, 'status.loadBalancer is empty')],
  }
}

function refused(object: Live['object'], { reason, message, at }: Told): Status {
  return {
    word: isFinal(message) ? 'failed' : 'waiting',
    says: `its load balancer gets no address: ${short(message)}`,
    code: 'LOAD_BALANCER',
    hint: 'Mend what the cloud names; it tries again by itself.',
    evidence: [evidence(object, `${reason}: ${message}`, at)],
  }
}
