/**
 * No cluster at all: knows which kinds of Kubernetes itself have no namespace, and says that of everything else it can
 * say nothing. For rendering.
 *
 * @module
 */
import { MgoError } from '../error.ts'
import type { Kube } from '../ports.ts'

const clusterWide = new Set([
  'Namespace',
  'Node',
  'PersistentVolume',
  'ClusterRole',
  'ClusterRoleBinding',
  'CustomResourceDefinition',
  'StorageClass',
  'CSIDriver',
  'VolumeAttachment',
  'PriorityClass',
  'RuntimeClass',
  'IngressClass',
  'APIService',
  'MutatingWebhookConfiguration',
  'ValidatingWebhookConfiguration',
  'ValidatingAdmissionPolicy',
  'ValidatingAdmissionPolicyBinding',
  'MutatingAdmissionPolicy',
  'MutatingAdmissionPolicyBinding',
  'FlowSchema',
  'PriorityLevelConfiguration',
  'ClusterTrustBundle',
  'DeviceClass',
  'ResourceSlice',
])

/** Makes the stand-in. Everything that would need a cluster throws KUBE_UNREACHABLE. */
export function offlineKube(): Kube {
  const nothing = async (): Promise<never> => {
    throw new MgoError({
      code: 'KUBE_UNREACHABLE',
      message: 'this release is only rendered: no cluster is asked',
      hint: 'Use the engine helm for it to reach the cluster.',
    })
  }
  return {
    context: 'none',
    server: 'none',
    insidePod: false,
    namespace: 'default',
    hearing: () => ({ heardAt: undefined, silentSince: undefined, why: undefined }),
    load: () => ({ inUse: 0, limit: 0, waiting: 0 }),
    ping: nothing,
    // Helm then renders for the Kubernetes that it was built for.
    version: async () => ({ gitVersion: '', minor: '' }),
    resource: async (group, version, kind) => ({
      group,
      version,
      kind,
      plural: `${kind.toLowerCase()}s`,
      // A cluster-wide custom resource cannot be told from others here: its chart must not give it a namespace.
      namespaced: !clusterWide.has(kind),
      hasStatus: false,
    }),
    apiVersions: async () => [],
    get: nothing,
    getMetadata: nothing,
    list: nothing,
    listMetadata: nothing,
    apply: nothing,
    create: nothing,
    delete: nothing,
    watch: () => ({ [Symbol.asyncIterator]: () => ({ next: nothing }) }),
    close: async () => undefined,
  }
}
