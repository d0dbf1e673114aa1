/**
 * The containers of a pod, each with its state and what the pod's spec says of it.
 *
 * @module
 */
import type { K8sObject } from '../release/object.ts'
import { listAt, numberAt, textAt } from './at.ts'

export type Container = {
  readonly status: unknown
  readonly spec: unknown
  readonly name: string
  /** What the pod's own spec calls the image: the status may carry another name of the same bytes. */
  readonly image: string
  readonly role: 'container' | 'init container' | 'sidecar'
  /** Its memory limit, as written. */
  readonly memory: string | undefined
}

/** The containers of a pod that have a state: init containers and sidecars first. */
export function containersOf(pod: K8sObject): readonly Container[] {
  const of = (list: string, states: string, isInit: boolean) =>
    listAt(pod, 'status', states).map((status): Container => {
      const name = textAt(status, 'name') ?? ''
      const spec = listAt(pod, 'spec', list).find((one) => textAt(one, 'name') === name)
      // One that may run beside the application is no step before it.
      const isSidecar = isInit && textAt(spec, 'restartPolicy') === 'Always'
      const limit = textAt(spec, 'resources', 'limits', 'memory') ?? numberAt(spec, 'resources', 'limits', 'memory')
      return {
        status,
        spec,
        name,
        image: textAt(spec, 'image') ?? textAt(status, 'image') ?? '',
        role: isSidecar ? 'sidecar' : isInit ? 'init container' : 'container',
        memory: limit === undefined ? undefined : String(limit),
      }
    })
  return [...of('initContainers', 'initContainerStatuses', true), ...of('containers', 'containerStatuses', false)]
}
