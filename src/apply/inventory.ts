/**
 * What mgo put on a cluster for one raw file: a ConfigMap that lists its objects. Its labels say all that a plan needs,
 * so that one metadata-only LIST tells which files changed; its data is read only when something has to be done.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import type { UnitRecord } from '../ports.ts'
import type { Cluster } from '../release/ids.ts'
import type { K8sObject, Metadata, ObjectId } from '../release/object.ts'
import { rawKey } from '../release/release.ts'

/** The namespace of all inventories; made when it is missing. */
export const inventoryNamespace = 'mgo-system'
export const ownerAnnotation = 'mgo/owner'
/** On an object with this annotation set to `disabled` nothing is ever pruned. */
export const pruneAnnotation = 'mgo/prune'

/** An object of the list. `uid` is the one that was applied; `keep` says that it must never be pruned. */
export type Held = { readonly id: ObjectId; readonly uid: string | undefined; readonly keep: boolean }

export type Inventory = {
  readonly cluster: Cluster
  readonly name: string
  readonly revision: number
  readonly state: 'pending' | 'deployed' | 'failed'
  /** The input hash; only where everything of it went through. */
  readonly inputs: string | undefined
  readonly held: readonly Held[]
}

/** Clusters may share an API server (two folders, one context), and label values are short: so a hash. */
export function clusterLabel(cluster: Cluster): string {
  return createHash('sha256').update(cluster).digest('hex').slice(0, 16)
}

/** The name of the ConfigMap of a raw file. */
export function inventoryName(cluster: Cluster, name: string): string {
  const hash = createHash('sha256').update(`${cluster}\n${name}`).digest('hex').slice(0, 12)
  const readable = name
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 40)
  return `raw-${readable || 'file'}-${hash}`
}

/** What objects of a raw file carry, so that a file never prunes what another file took over. */
export function ownerOf(cluster: Cluster, name: string): string {
  return `${cluster}/${name}-raw.yaml`
}

/** The inventory as an object to apply. */
export function inventoryObject(inventory: Inventory): K8sObject {
  const { cluster, name, revision, state, inputs, held } = inventory
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: inventoryName(cluster, name),
      namespace: inventoryNamespace,
      labels: {
        'app.kubernetes.io/managed-by': 'mgo',
        'mgo/unit': 'raw',
        'mgo/cluster': clusterLabel(cluster),
        'mgo/revision': String(revision),
        'mgo/state': state,
        ...(inputs === undefined ? {} : { 'mgo/inputs': inputs }),
      },
      annotations: { 'mgo/name': name },
    },
    data: { objects: JSON.stringify(held, undefined, 1) },
  }
}

/** The record that the metadata of an inventory gives; `undefined` for what is none. */
export function recordOf({ metadata }: K8sObject): UnitRecord | undefined {
  const name = metadata.annotations?.['mgo/name']
  const revision = Number(metadata.labels?.['mgo/revision'] ?? Number.NaN)
  if (name === undefined || !Number.isSafeInteger(revision)) return undefined
  const state = metadata.labels?.['mgo/state']
  return {
    key: rawKey(name),
    revision,
    stamp: metadata.labels?.['mgo/inputs'],
    state: state === 'deployed' || state === 'failed' || state === 'pending' ? state : 'other',
    ...sinceOf(metadata),
    ours: true,
  }
}

/** When it was last written: the API server keeps the time with the fields. */
function sinceOf({ managedFields, creationTimestamp }: Metadata): { readonly since?: string } {
  const times = (Array.isArray(managedFields) ? managedFields : []).map(
    (one: { readonly time?: string }) => one.time ?? '',
  )
  const since = times.toSorted().at(-1) || creationTimestamp
  return since === undefined ? {} : { since }
}

/** The list inside an inventory; empty where somebody broke it, for then nothing may be pruned. */
export function heldOf(object: K8sObject | undefined): readonly Held[] {
  const data = object?.['data'] as { readonly objects?: unknown } | undefined
  if (typeof data?.objects !== 'string') return []
  try {
    const parsed: unknown = JSON.parse(data.objects)
    return Array.isArray(parsed) ? parsed.filter(isHeld) : []
  } catch {
    return []
  }
}

function isHeld(value: unknown): value is Held {
  const id = (value as { readonly id?: Partial<Record<keyof ObjectId, unknown>> } | null)?.id
  return (['group', 'version', 'kind', 'namespace', 'name'] as const).every((field) => typeof id?.[field] === 'string')
}
