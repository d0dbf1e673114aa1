/**
 * The claims that a pod without a node waits for: the scheduler says that one of them is not bound, and not which, nor
 * why. Claims that a StatefulSet makes are in no release, so they are looked up.
 *
 * @module
 */
import type { K8sObject, ObjectId } from '../release/object.ts'
import { listAt, textAt } from './at.ts'
import { other, storageClass } from './missing.ts'
import type { Scene, Trouble } from './trouble.ts'

type Found = Pick<Trouble, 'word' | 'says'> & { readonly asks: readonly ObjectId[] }

/** What keeps the claims of a pod from being bound. `undefined` where it has none. */
export function claimsOf(pod: K8sObject, scene: Scene): Found | undefined {
  const names = listAt(pod, 'spec', 'volumes').flatMap((one) => textAt(one, 'persistentVolumeClaim', 'claimName') ?? [])
  const found = names.map((name) => claimOf(name, pod, scene))
  if (found.length === 0) return undefined
  const worst = found.find(({ word }) => word === 'failed') ?? found.find(({ says }) => says !== '') ?? found[0]
  return { word: worst?.word ?? 'waiting', says: worst?.says ?? '', asks: found.flatMap(({ asks }) => asks) }
}

function claimOf(name: string, pod: K8sObject, scene: Scene): Found {
  const { namespace = '' } = pod.metadata
  const id: ObjectId = { group: '', version: 'v1', kind: 'PersistentVolumeClaim', namespace, name }
  const claim = other(id, scene)
  if (claim === 'absent') return { word: 'failed', says: `its claim ${name} does not exist`, asks: [id] }
  if (claim === undefined || textAt(claim, 'status', 'phase') === 'Bound')
    return { word: 'waiting', says: '', asks: [id] }
  const className = textAt(claim, 'spec', 'storageClassName') ?? ''
  if (className === '') return { word: 'waiting', says: `its claim ${name} names no StorageClass`, asks: [id] }
  const asked = storageClass(className)
  return other(asked, scene) === 'absent'
    ? {
        word: 'failed',
        says: `its claim ${name} cannot be bound: storageclass.storage.k8s.io "${className}" not found`,
        asks: [id, asked],
      }
    : { word: 'waiting', says: `its claim ${name} of the class ${className} is not bound`, asks: [id, asked] }
}
