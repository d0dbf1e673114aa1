/**
 * The pull secrets of a pod whose image is not handed out. The kubelet leaves out those that are not there, says so in an
 * event at most, and asks the registry without a login: "unauthorized" and "not found" are then but the effect.
 *
 * @module
 */
import type { K8sObject, ObjectId } from '../release/object.ts'
import { listAt, textAt } from './at.ts'
import { inNamespace } from './command.ts'
import { other } from './missing.ts'
import type { Scene, Trouble } from './trouble.ts'

type Said = Omit<Trouble, 'evidence'>

/** Adds the pull secrets that do not exist to what is said of an image that a registry does not hand out. */
export function withoutLogin(trouble: Said, pod: K8sObject, scene: Scene): Said {
  if (trouble.word !== 'failed') return trouble
  const asks = listAt(pod, 'spec', 'imagePullSecrets').flatMap((one) => secret(pod, textAt(one, 'name')))
  if (asks.length === 0) return trouble
  const missing = asks.filter((id) => other(id, scene) === 'absent').map(({ name }) => name)
  if (missing.length === 0) return { ...trouble, asks }
  const which = missing.length === 1 ? `pull secret ${missing[0]} does` : `pull secrets ${missing.join(', ')} do`
  return {
    ...trouble,
    asks,
    says: `${trouble.says}; its ${which} not exist`,
    hint: `Make ${missing.join(', ')}: kubectl create secret docker-registry${inNamespace(pod)}. Then deploy again.`,
  }
}

function secret({ metadata }: K8sObject, name: string | undefined): readonly ObjectId[] {
  const { namespace = '' } = metadata
  return name === undefined ? [] : [{ group: '', version: 'v1', kind: 'Secret', namespace, name }]
}
