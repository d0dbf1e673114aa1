/**
 * Things that a message says are not there: read from the words of kubelet, scheduler, controllers and provisioners, and
 * held against what the cluster says now. Something that came with the deploy a moment later is no missing thing.
 *
 * @module
 */
import { type K8sObject, type ObjectId, objectKey } from '../release/object.ts'
import { at, listAt, textAt } from './at.ts'
import type { Scene } from './trouble.ts'

export type Missing = { readonly id: ObjectId; readonly key?: string }

const kinds: Readonly<Record<string, string>> = {
  configmap: 'ConfigMap',
  secret: 'Secret',
  serviceaccount: 'ServiceAccount',
  persistentvolumeclaim: 'PersistentVolumeClaim',
}

/**
 * The thing that a message about `object` says is missing.
 *
 * @example `secret "db" not found`, `couldn't find key password in Secret shop/db`, `storageclass.storage.k8s.io "x" not found`
 */
export function missingIn(message: string, object: K8sObject): Missing | undefined {
  const { namespace = '' } = object.metadata
  const named = /\b(configmap|secret|serviceaccount|persistentvolumeclaim)s? "([^"]+)" not found/i.exec(message)
  if (named !== null) return { id: core(kinds[(named[1] ?? '').toLowerCase()] ?? '', namespace, named[2] ?? '') }
  const key = /couldn't find key (\S+) in (ConfigMap|Secret) (?:[^\s/]+\/)?([^\s/]+)/i.exec(message)
  if (key !== null)
    return { id: core(kinds[(key[2] ?? '').toLowerCase()] ?? '', namespace, key[3] ?? ''), key: key[1] ?? '' }
  const storage = /storageclass(?:es)?(?:\.storage\.k8s\.io)? "([^"]+)" not found/i.exec(message)
  if (storage !== null) return { id: storageClass(storage[1] ?? '') }
  return inVolume(message, object)
}

/** The mounter names the volume and the key; which object that is, the pod's own spec says. */
function inVolume(message: string, pod: K8sObject): Missing | undefined {
  const key = /references non-existent (?:config|secret) key: (\S+)/i.exec(message)?.[1]
  const name = /for volume "([^"]+)"/.exec(message)?.[1]
  if (key === undefined || name === undefined) return undefined
  const volume = listAt(pod, 'spec', 'volumes').find((one) => textAt(one, 'name') === name)
  const { namespace = '' } = pod.metadata
  const config = textAt(volume, 'configMap', 'name')
  const secret = textAt(volume, 'secret', 'secretName')
  if (config !== undefined) return { id: core('ConfigMap', namespace, config), key }
  return secret === undefined ? undefined : { id: core('Secret', namespace, secret), key }
}

function core(kind: string, namespace: string, name: string): ObjectId {
  return { group: '', version: 'v1', kind, namespace, name }
}

/** The identity of a StorageClass. */
export function storageClass(name: string): ObjectId {
  return { group: 'storage.k8s.io', version: 'v1', kind: 'StorageClass', namespace: '', name }
}

/** After words about something that has come since. */
export const itCame = ' (it is there now, and is tried again)'

/** What was asked for, where it has been answered. */
export function other(id: ObjectId, { others }: Scene): K8sObject | 'absent' | undefined {
  return others?.get(objectKey(id))
}

/**
 * Whether it is missing still: `failed` where it is, or where nobody has looked yet; `waiting` where it has come
 * meanwhile, and will be found when its reader tries again.
 */
export function stillMissing({ id, key }: Missing, scene: Scene): 'failed' | 'waiting' {
  const found = other(id, scene)
  if (found === undefined || found === 'absent') return 'failed'
  if (key === undefined) return 'waiting'
  const keys = [at(found, 'data'), at(found, 'binaryData')].flatMap((one) => Object.keys((one as object | null) ?? {}))
  return keys.includes(key) ? 'waiting' : 'failed'
}
