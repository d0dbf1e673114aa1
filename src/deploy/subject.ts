/**
 * The objects of a release as a verdict sees them: those that can be well or not are watched; the rest is there once the
 * API server has taken it, and is looked at once more before anybody says that all is well.
 *
 * @module
 */
import { MgoError } from '../error.ts'
import type { Kube, Selection } from '../ports.ts'
import { type K8sObject, type ObjectId, objectId, objectKey } from '../release/object.ts'
import { isJudged } from '../verdict/watched.ts'

export type Subject = {
  /** As applied: a manifest, or what the API server gave back for it. */
  readonly object: K8sObject
  readonly id: ObjectId
  readonly key: string
  readonly hasStatus: boolean
  /** Asks for this one object. */
  readonly own: Selection
  readonly kind: 'judged' | 'plain'
}

/** Finds out how each object is served. What the cluster does not serve cannot be looked at. Throws MgoError KUBE_*. */
export async function subjectsOf(kube: Kube, objects: readonly K8sObject[]): Promise<readonly Subject[]> {
  const found = await Promise.all(
    objects.map(async (object): Promise<readonly Subject[]> => {
      const bare = objectId(object)
      const resource = await kube.resource(bare.group, bare.version, bare.kind)
      if (resource === undefined) return []
      const namespace = resource.namespaced ? bare.namespace || kube.namespace : ''
      const id = { ...bare, namespace }
      const own: Selection = { resource, namespace, fields: `metadata.name=${id.name}` }
      const { hasStatus } = resource
      // Applied and being deleted at the same time: it will vanish, so it is watched whatever it is.
      const isLeaving = object.metadata.deletionTimestamp !== undefined
      const kind = isLeaving || isJudged(object, hasStatus) ? 'judged' : 'plain'
      return [{ object, id, key: objectKey(id), hasStatus, own, kind }]
    }),
  )
  return found.flat()
}

/** Those that are not there any more, or are on their way out. One small GET each. */
export async function leaving(kube: Kube, plain: readonly Subject[]): Promise<readonly Subject[]> {
  const found = await Promise.all(
    plain.map(async (subject) => {
      const live = await metadata(kube, subject.id)
      return live === 'unknown' || (live !== undefined && live.metadata.deletionTimestamp === undefined)
        ? []
        : [subject]
    }),
  )
  return found.flat()
}

/** What may not be read was written all the same; nobody can say more about it. */
async function metadata(kube: Kube, id: ObjectId): Promise<K8sObject | undefined | 'unknown'> {
  try {
    return await kube.getMetadata(id)
  } catch (error) {
    if (error instanceof MgoError && error.code === 'KUBE_DENIED') return 'unknown'
    throw error
  }
}
