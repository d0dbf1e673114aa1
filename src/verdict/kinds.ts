/**
 * Which rule judges which kind: as asked, on its way, or at an end that waiting does not mend. Pure; the rules of each
 * kind stand in their own file.
 *
 * @module
 */
import { type K8sObject, objectId, showObject } from '../release/object.ts'
import { claimStatus } from './claim.ts'
import { conditionStatus } from './condition.ts'
import { daemonSetStatus } from './daemon-set.ts'
import { apiServiceStatus, definitionStatus } from './definition.ts'
import { deploymentStatus } from './deployment.ts'
import { jobStatus } from './job.ts'
import { podStatus } from './pod.ts'
import { replicaSetStatus } from './replica-set.ts'
import { serviceStatus } from './service.ts'
import { statefulSetStatus } from './stateful-set.ts'
import type { Live, Status } from './status.ts'

/** Judges an object. Never throws. */
export function statusOf(live: Live): Status {
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
