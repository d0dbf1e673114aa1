/**
 * A Kubernetes object as plain JSON, and what identifies it. Never converted to a model class:
 * fields that we do not know must survive.
 *
 * @module
 */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

export type Metadata = {
  readonly name: string
  readonly namespace?: string
  readonly uid?: string
  readonly generation?: number
  readonly resourceVersion?: string
  readonly creationTimestamp?: string
  readonly deletionTimestamp?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
  readonly ownerReferences?: readonly {
    readonly apiVersion: string
    readonly kind: string
    readonly name: string
    readonly uid: string
    readonly controller?: boolean
  }[]
  readonly [field: string]: unknown
}

export type K8sObject = {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: Metadata
  readonly [field: string]: unknown
}

/** What identifies an object on a cluster. `namespace` is '' for what is cluster-wide, `group` '' for the core. */
export type ObjectId = {
  readonly group: string
  readonly version: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
}

/** The identity of an object; `namespace` stands in where the object names none. */
export function objectId(object: K8sObject, namespace = ''): ObjectId {
  const slash = object.apiVersion.indexOf('/')
  return {
    group: slash < 0 ? '' : object.apiVersion.slice(0, slash),
    version: object.apiVersion.slice(slash + 1),
    kind: object.kind,
    namespace: object.metadata.namespace ?? namespace,
    name: object.metadata.name,
  }
}

/** `Deployment app/web`, as people read it. */
export function showObject(id: Pick<ObjectId, 'kind' | 'namespace' | 'name'>): string {
  return id.namespace === '' ? `${id.kind} ${id.name}` : `${id.kind} ${id.namespace}/${id.name}`
}

/** `apps/v1` from group and version. */
export function apiVersion(id: Pick<ObjectId, 'group' | 'version'>): string {
  return id.group === '' ? id.version : `${id.group}/${id.version}`
}

/** A key that is equal for the same object whatever version it is written in. */
export function objectKey(id: ObjectId): string {
  return `${id.group}/${id.kind}/${id.namespace}/${id.name}`
}
