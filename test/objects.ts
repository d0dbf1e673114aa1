/**
 * Objects as an API server shows them, in as many words as a test needs.
 *
 * @module
 */
import type { K8sObject } from '../src/release/object.ts'

export const namespace = 'shop'

type DeploymentAt = {
  readonly image?: string
  readonly replicas?: number
  readonly generation?: number
  readonly observed?: number
  readonly revision?: string
  readonly status?: Readonly<Record<string, number>>
  readonly spec?: Readonly<Record<string, unknown>>
  readonly manager?: string
  /** Fields of others, by their manager. */
  readonly others?: Readonly<Record<string, object>>
  readonly uid?: string
  /** The set that its conditions name. */
  readonly named?: string
}

/** A Deployment `web`; `status` in full is that of a finished rollout. */
export function deployment(given: DeploymentAt = {}): K8sObject {
  const { image = 'shop/web:v2', replicas = 2, generation = 2, revision = '2', manager = 'mgo' } = given
  const fields = {
    'f:replicas': {},
    'f:paused': {},
    'f:template': { 'f:spec': { 'f:containers': { 'k:{"name":"app"}': { '.': {}, 'f:name': {}, 'f:image': {} } } } },
  }
  const managedFields = [
    { manager, operation: 'Apply', time: '2026-01-01T11:59:59Z', fieldsV1: { 'f:spec': fields } },
    ...Object.entries(given.others ?? {}).map(([name, fieldsV1]) => ({
      manager: name,
      operation: 'Update',
      time: '2026-01-01T12:00:01Z',
      fieldsV1,
    })),
  ]
  const full = { replicas, updatedReplicas: replicas, readyReplicas: replicas, availableReplicas: replicas }
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name: 'web',
      namespace,
      uid: given.uid ?? 'uid-Deployment-web',
      generation,
      annotations: { 'deployment.kubernetes.io/revision': revision },
      managedFields,
    },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: { containers: [{ name: 'app', image }] },
      },
      ...given.spec,
    },
    status: {
      observedGeneration: given.observed ?? generation,
      ...(given.status ?? full),
      conditions: [
        {
          type: 'Progressing',
          status: 'True',
          message: `ReplicaSet "${given.named ?? `web-${revision}`}" is progressing.`,
        },
      ],
    },
  }
}

/** The ReplicaSet of a revision, with as many pods as `replicas` says. */
export function replicaSet(revision: string, replicas: number, available = replicas): K8sObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `web-${revision}`,
      namespace,
      uid: `uid-set-${revision}`,
      generation: 1,
      creationTimestamp: '2026-01-01T12:00:00Z',
      labels: { app: 'web', 'pod-template-hash': `hash${revision}` },
      annotations: { 'deployment.kubernetes.io/revision': revision },
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: 'uid-Deployment-web' }],
    },
    spec: { replicas },
    status: { observedGeneration: 1, replicas, readyReplicas: available, availableReplicas: available },
  }
}

type PodAt = {
  readonly ready?: boolean
  readonly waiting?: { readonly reason: string; readonly message?: string }
  readonly restarts?: number
  readonly last?: Readonly<Record<string, unknown>>
  readonly startedAt?: string
  readonly phase?: string
}

/** A pod of a revision's set. */
export function pod(name: string, revision: string, given: PodAt = {}): K8sObject {
  const { ready = false, waiting, restarts = 0, last, startedAt = '2026-01-01T12:00:00Z' } = given
  const state = waiting === undefined ? { running: { startedAt } } : { waiting }
  const container = { name: 'app', image: 'shop/web:v2', ready, restartCount: restarts, state }
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      uid: `uid-${name}`,
      creationTimestamp: '2026-01-01T12:00:00Z',
      labels: { app: 'web', 'pod-template-hash': `hash${revision}` },
      ownerReferences: [
        { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: `web-${revision}`, uid: `uid-set-${revision}` },
      ],
    },
    spec: { nodeName: 'node-a', containers: [{ name: 'app', image: 'shop/web:v2' }] },
    status: {
      phase: given.phase ?? (waiting === undefined ? 'Running' : 'Pending'),
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
      containerStatuses: [last === undefined ? container : { ...container, lastState: { terminated: last } }],
    },
  }
}

/** An event about an object of `namespace`. */
export function event(about: K8sObject, reason: string, message: string): K8sObject {
  const { name, uid } = about.metadata
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: `${name}.${reason}`, namespace },
    involvedObject: { kind: about.kind, name, uid, namespace },
    type: 'Warning',
    reason,
    message,
    lastTimestamp: '2026-01-01T12:00:01Z',
  }
}

export function configMap(name: string, metadata: Readonly<Record<string, unknown>> = {}): K8sObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace, ...metadata } }
}
