/**
 * What must be on the cluster before what: namespaces before what lives in them, definitions before their objects,
 * settings before the pods that read them, webhooks last, for they judge everything that comes after them.
 * The order of kinds is Helm's InstallOrder (helm.sh/helm, pkg/release/util/kind_sorter.go).
 *
 * @module
 */
import type { K8sObject } from '../release/object.ts'

const phases: readonly (readonly string[])[] = [
  ['PriorityClass', 'Namespace'],
  ['CustomResourceDefinition'],
  [
    'NetworkPolicy',
    'ResourceQuota',
    'LimitRange',
    'PodDisruptionBudget',
    'ServiceAccount',
    'Secret',
    'ConfigMap',
    'StorageClass',
    'PersistentVolume',
    'ClusterRole',
    'Role',
    'IngressClass',
    'RuntimeClass',
  ],
  ['PersistentVolumeClaim', 'ClusterRoleBinding', 'RoleBinding', 'Service'],
  ['DaemonSet', 'Pod', 'ReplicationController', 'ReplicaSet', 'Deployment', 'StatefulSet', 'Job', 'CronJob'],
  ['HorizontalPodAutoscaler', 'Ingress', 'APIService'],
  ['*'],
  [
    'MutatingWebhookConfiguration',
    'ValidatingWebhookConfiguration',
    'ValidatingAdmissionPolicy',
    'ValidatingAdmissionPolicyBinding',
    'MutatingAdmissionPolicy',
    'MutatingAdmissionPolicyBinding',
  ],
]
const others = phases.findIndex((kinds) => kinds.includes('*'))
const rank = new Map(phases.flatMap((kinds, i) => kinds.map((kind) => [kind, i] as const)))

/** Groups objects into phases; those of one phase may go in any order, side by side. */
export function inOrder(objects: readonly K8sObject[]): readonly (readonly K8sObject[])[] {
  const grouped = new Map<number, K8sObject[]>()
  for (const object of objects) {
    const phase = rank.get(object.kind) ?? others
    grouped.set(phase, [...(grouped.get(phase) ?? []), object])
  }
  return [...grouped].toSorted(([a], [b]) => a - b).map(([, group]) => group)
}
