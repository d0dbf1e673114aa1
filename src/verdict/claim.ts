/**
 * A PersistentVolumeClaim: bound, or waiting for its first pod where its class says so.
 *
 * @module
 */
import type { K8sObject } from '../release/object.ts'
import { textAt } from './at.ts'
import { evidence } from './pod-trouble.ts'
import type { Live, Status } from './status.ts'

/** Words of a provisioner that trying again does not change. */
const final = /quota|out of (?:space|range)|not found|invalid|exceed|forbidden|denied|insufficient/i

/** Judges a claim; its events say why it is not bound. */
export function claimStatus({ object, events }: Live): Status {
  const phase = textAt(object, 'status', 'phase')
  if (phase === 'Bound') return { word: 'current', says: 'it is bound' }
  if (phase === 'Lost')
    return {
      word: 'failed',
      says: 'its volume is lost',
      code: 'VOLUME',
      hint: 'Restore the PersistentVolume, or make the claim anew.',
    }
  const mine = events.filter((event) => textAt(event, 'involvedObject', 'uid') === object.metadata.uid)
  if (has(mine, 'WaitForFirstConsumer'))
    return { word: 'current', says: 'it is bound when its first pod comes (WaitForFirstConsumer)' }
  const failed = mine.findLast((event) => textAt(event, 'reason') === 'ProvisioningFailed')
  const message = textAt(failed, 'message') ?? ''
  if (failed === undefined)
    return {
      word: 'waiting',
      says: 'it is not bound yet',
      code: 'VOLUME',
      hint: 'Look at its StorageClass and its provisioner.',
    }
  return {
    word: final.test(message) ? 'failed' : 'waiting',
    says: `it cannot be bound: ${message}`,
    code: 'VOLUME',
    hint: 'Name a StorageClass that the cluster has, or mend its provisioner.',
    evidence: [evidence(object, `ProvisioningFailed: ${message}`, textAt(failed, 'lastTimestamp'))],
  }
}

function has(events: readonly K8sObject[], reason: string): boolean {
  return events.some((event) => textAt(event, 'reason') === reason)
}
