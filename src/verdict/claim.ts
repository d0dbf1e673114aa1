/**
 * A PersistentVolumeClaim: bound and as large as asked, or waiting for its first pod where its class says so.
 *
 * @module
 */
import type { K8sObject } from '../release/object.ts'
import { conditions, textAt } from './at.ts'
import { isCurrent, type Told, toldOf } from './events.ts'
import { isFinal } from './final.ts'
import { itCame, missingIn, other, stillMissing, storageClass } from './missing.ts'
import { amountOf } from './quantity.ts'
import type { Live, Status } from './status.ts'
import { evidence, type Scene, short } from './trouble.ts'

/** Judges a claim; its events say why it is not bound, or does not grow. */
export function claimStatus(live: Live): Status {
  const { object } = live
  const phase = textAt(object, 'status', 'phase')
  const told = toldOf(object, live.events).filter((one) => isCurrent(one, object))
  if (phase === 'Bound') return sizeStatus(object, told)
  if (phase === 'Lost')
    return {
      word: 'failed',
      says: 'its volume is lost',
      code: 'VOLUME',
      hint: 'Restore the PersistentVolume, or make the claim anew.',
      evidence: [evidence(object, 'phase Lost')],
    }
  // Of two things that are told, the later one holds: a pod may have come since.
  const last = told.findLast(({ reason }) => /^(?:WaitForFirstConsumer|ProvisioningFailed|FailedBinding)$/.test(reason))
  if (last?.reason === 'ProvisioningFailed') return unprovisioned(object, last, live)
  if (last?.reason === 'WaitForFirstConsumer' || waitsForPod(object, live))
    return { word: 'current', says: 'it is bound when its first pod comes (WaitForFirstConsumer)' }
  return unbound(object, last, live)
}

/** The class says so itself, and no pod has picked a node for it yet. */
function waitsForPod(claim: K8sObject, scene: Scene): boolean {
  const found = other(storageClass(textAt(claim, 'spec', 'storageClassName') ?? ''), scene)
  if (found === undefined || found === 'absent') return false
  const isPicked = claim.metadata.annotations?.['volume.kubernetes.io/selected-node'] !== undefined
  return textAt(found, 'volumeBindingMode') === 'WaitForFirstConsumer' && !isPicked
}

function unbound(claim: K8sObject, last: Told | undefined, live: Live): Status {
  const name = textAt(claim, 'spec', 'storageClassName')
  const missing = name === undefined || name === '' ? undefined : storageClass(name)
  const isAbsent = missing !== undefined && other(missing, live) === 'absent'
  const none = name === undefined ? '; it names no StorageClass, and the cluster may have no default one' : ''
  const says = isAbsent
    ? `it cannot be bound: storageclass.storage.k8s.io "${name ?? ''}" not found`
    : `it is not bound yet${last === undefined ? none : `: ${short(last.message)}`}`
  return {
    word: isAbsent ? 'failed' : 'waiting',
    says,
    code: 'VOLUME',
    hint: isAbsent ? classHint : 'Look at its StorageClass and its provisioner.',
    evidence: [evidence(claim, last === undefined ? 'phase Pending' : `${last.reason}: ${last.message}`, last?.at)],
    ...(missing === undefined ? {} : { asks: [missing] }),
  }
}

const classHint = 'Name a StorageClass that the cluster has: kubectl get storageclass.'

function unprovisioned(claim: K8sObject, { reason, message, at }: Told, scene: Scene): Status {
  const missing = missingIn(message, claim)
  const word = missing === undefined ? (isFinal(message) ? 'failed' : 'waiting') : stillMissing(missing, scene)
  return {
    word,
    says: `it cannot be bound: ${short(message)}${missing !== undefined && word === 'waiting' ? itCame : ''}`,
    code: 'VOLUME',
    hint: missing === undefined ? 'Mend what the provisioner names, or use another StorageClass.' : classHint,
    evidence: [evidence(claim, `${reason}: ${message}`, at)],
    ...(missing === undefined ? {} : { asks: [missing.id] }),
  }
}

/** A claim stays Bound while it grows: it is as asked when the room is there. */
function sizeStatus(claim: K8sObject, told: readonly Told[]): Status {
  const asked = textAt(claim, 'spec', 'resources', 'requests', 'storage')
  const has = textAt(claim, 'status', 'capacity', 'storage')
  const isSmall = asked !== undefined && has !== undefined && amountOf(has) < amountOf(asked)
  if (!isSmall) return { word: 'current', says: 'it is bound' }
  const known = conditions(claim)
  const error = [known.get('ControllerResizeError'), known.get('NodeResizeError')].find((one) => one?.status === 'True')
  const event = told.findLast(({ reason }) => /^(?:VolumeResizeFailed|FileSystemResizeFailed)$/.test(reason))
  const state = textAt(claim, 'status', 'allocatedResourceStatuses', 'storage') ?? ''
  const words = event?.message ?? error?.message ?? ''
  const says = `it has ${has} and should have ${asked}`
  if (known.get('FileSystemResizePending')?.status === 'True' && words === '')
    return waiting(claim, `${says}: its file system grows when a pod mounts it (FileSystemResizePending)`)
  if (words === '') return waiting(claim, `${says}: it is growing`)
  const isEnd = isFinal(words) || state.endsWith('Infeasible')
  return {
    word: isEnd ? 'failed' : 'waiting',
    says: `${says}: ${short(words)}`,
    code: 'VOLUME',
    hint: 'Ask for a size that its driver can give; a claim cannot shrink below what it has.',
    evidence: [evidence(claim, `${event?.reason ?? error?.type ?? ''}: ${words}`, event?.at ?? error?.since)],
  }
}

function waiting(claim: K8sObject, says: string): Status {
  const hint = 'Look at its StorageClass (allowVolumeExpansion) and its driver.'
  return {
    word: 'waiting',
    says,
    code: 'VOLUME',
    hint,
    evidence: [evidence(claim, 'status.capacity is less than asked')],
  }
}
