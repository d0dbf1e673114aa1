/**
 * Judges one live object: as asked, on its way, or at an end that waiting does not mend. Pure; the rules of each kind
 * stand in their own file.
 *
 * @module
 */
import type { Evidence } from '../release/verdict.ts'
import { type K8sObject, type ObjectId, objectId, showObject } from '../release/object.ts'
import { claimStatus } from './claim.ts'
import type { VerdictCode } from './codes.ts'
import { conditionStatus } from './condition.ts'
import { daemonSetStatus } from './daemon-set.ts'
import { apiServiceStatus, definitionStatus } from './definition.ts'
import { deploymentStatus } from './deployment.ts'
import { jobStatus } from './job.ts'
import { podStatus } from './pod.ts'
import { replicaSetStatus } from './replica-set.ts'
import { serviceStatus } from './service.ts'
import { statefulSetStatus } from './stateful-set.ts'

/** `says` goes after the object's name: `0 of 3 new pods are ready; the image web:v2 was not found`. */
export type Status = {
  readonly word: 'current' | 'waiting' | 'failed'
  readonly says: string
  readonly code?: VerdictCode
  readonly hint?: string
  readonly evidence?: readonly Evidence[]
  /** Objects that would tell more; they are read once and given with the next call as `others`. */
  readonly asks?: readonly ObjectId[]
  /** Milliseconds that `current` must hold before it is believed. */
  readonly steadyMs?: number
}

/** An object with what belongs to it. */
export type Live = {
  readonly object: K8sObject
  /** Objects of the kinds that its controller makes; those of others are sorted out by their owner's uid. */
  readonly related: readonly K8sObject[]
  /** Events, of this object or of related ones. */
  readonly events: readonly K8sObject[]
  /** Whether its kind has a status subresource. */
  readonly hasStatus: boolean
  /** Milliseconds since the epoch: now, and when mgo began to wait. */
  readonly nowMs: number
  readonly sinceMs: number
  /** What was asked for, by `objectKey`. */
  readonly others?: ReadonlyMap<string, K8sObject | 'absent'>
}

/** Judges an object. Never throws. */
export function status(live: Live): Status {
  const { object } = live
  if (object.metadata.deletionTimestamp !== undefined) return terminating(object)
  switch (`${objectId(object).group}/${object.kind}`) {
    case 'apps/Deployment':
      return deploymentStatus(live)
    case 'apps/StatefulSet':
      return statefulSetStatus(live)
    case 'apps/DaemonSet':
      return daemonSetStatus(live)
    case 'apps/ReplicaSet':
    case '/ReplicationController':
      return replicaSetStatus(live)
    case 'batch/Job':
      return jobStatus(live)
    case '/Pod':
      return podStatus(live)
    case '/PersistentVolumeClaim':
      return claimStatus(live)
    case '/Service':
      return serviceStatus(live)
    case 'apiextensions.k8s.io/CustomResourceDefinition':
      return definitionStatus(live)
    case 'apiregistration.k8s.io/APIService':
      return apiServiceStatus(live)
    default:
      return conditionStatus(live)
  }
}

function terminating(object: K8sObject): Status {
  const finalizers = (object.metadata['finalizers'] as readonly string[] | undefined) ?? []
  const held = finalizers.length > 0 ? `, held by the finalizer ${finalizers.join(', ')}` : ''
  return {
    word: 'waiting',
    says: `it is being deleted since ${object.metadata.deletionTimestamp ?? ''}${held}`,
    code: 'TERMINATING',
    hint: 'It will vanish when its finalizers let go; then send the request again.',
    evidence: [
      { object: showObject(objectId(object)), says: `deletionTimestamp ${object.metadata.deletionTimestamp ?? ''}` },
    ],
  }
}
