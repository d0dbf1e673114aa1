/**
 * What is wrong with one container of a pod, from its state.
 *
 * @module
 */
import type { K8sObject } from '../release/object.ts'
import { conditions, numberAt, textAt } from './at.ts'
import type { Container } from './container.ts'
import { crashTrouble } from './crash.ts'
import { createTrouble } from './create.ts'
import type { Told } from './events.ts'
import { badName, neverPulled, pullTrouble } from './pull.ts'
import { withoutLogin } from './pull-secrets.ts'
import { evidence, type Scene, type Trouble } from './trouble.ts'

type Given = { readonly pod: K8sObject; readonly told: readonly Told[]; readonly scene: Scene }

/** The trouble of a container, or `undefined` where it runs, is done or merely young. */
export function containerTrouble(one: Container, { pod, told, scene }: Given): Trouble | undefined {
  const reason = textAt(one.status, 'state', 'waiting', 'reason') ?? ''
  const message = textAt(one.status, 'state', 'waiting', 'message') ?? ''
  const proven = (rest: Omit<Trouble, 'evidence'>): Trouble => ({
    ...rest,
    evidence: [evidence(pod, `${reason}: ${message}`.replace(/: $/, ''), lastAt(pod, told))],
  })
  switch (reason) {
    case 'ErrImagePull':
    case 'ImagePullBackOff':
    case 'RegistryUnavailable':
    case 'ImageInspectError':
    case 'SignatureValidationFailed':
      return proven(withoutLogin(pullTrouble(one.image, pullWords(one, message, told)), pod, scene))
    case 'ErrImageNeverPull':
      return proven(neverPulled(one.image))
    case 'InvalidImageName':
      return proven(badName(one.image, message))
    case 'CreateContainerConfigError':
    case 'CreateContainerError':
      return proven(createTrouble({ container: one.name, message, told }, pod, scene))
    case 'CrashLoopBackOff':
    case 'RunContainerError':
      return crashTrouble(one, pod, told)
    default:
      return isDead(one) ? crashTrouble(one, pod, told) : undefined
  }
}

/** A waiting state has no time of its own; the event that goes with it does. */
function lastAt(pod: K8sObject, told: readonly Told[]): string | undefined {
  const event = told.findLast(({ reason }) => /^(?:Failed|BackOff|InspectFailed|ErrImageNeverPull)$/.test(reason))
  return event?.at ?? conditions(pod).get('Ready')?.since
}

/** Kubelets before 1.32 keep the registry's words out of the status while they hold back: then an event has them. */
function pullWords(one: Container, message: string, told: readonly Told[]): string {
  if (/Err\w+: /.test(message) || !message.startsWith('Back-off')) return message
  const event = told.findLast(
    ({ message: text, container }) =>
      text.startsWith('Failed to pull image') && (container ?? one.name) === one.name && text.includes(one.image),
  )
  return event === undefined ? message : `ErrImagePull: ${event.message}`
}

/** Ended and not meant to: an init container that succeeded is done. */
function isDead({ status, role }: Container): boolean {
  const exit = numberAt(status, 'state', 'terminated', 'exitCode')
  return exit !== undefined && (exit !== 0 || role === 'container')
}
