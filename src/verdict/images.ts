/**
 * The images that a release gives the cluster.
 *
 * @module
 */
import type { K8sObject } from '../release/object.ts'
import { at, listAt, textAt } from './at.ts'

/** The images of all workloads, each once, in the order of the objects. */
export function imagesOf(objects: readonly K8sObject[]): readonly string[] {
  const specs = objects.flatMap((object) =>
    object.kind === 'Pod'
      ? [at(object, 'spec')]
      : [at(object, 'spec', 'template', 'spec'), at(object, 'spec', 'jobTemplate', 'spec', 'template', 'spec')],
  )
  const containers = specs.flatMap((spec) => listAt(spec, 'containers'))
  return [...new Set(containers.flatMap((one) => textAt(one, 'image') ?? []))]
}
