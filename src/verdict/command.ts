/**
 * Commands that stand in hints, whole: at night nobody wants to put one together.
 *
 * @module
 */
import type { K8sObject } from '../release/object.ts'

/** `-n shop`, and nothing for what has no namespace. */
export function inNamespace({ metadata }: K8sObject): string {
  return metadata.namespace === undefined ? '' : ` -n ${metadata.namespace}`
}

/**
 * What a container printed. `previous`: before it was started anew.
 *
 * @example `kubectl logs -n shop web-7d4f-x2x9k -c app --previous`
 */
export function logsOf(pod: K8sObject, container?: string, previous = false): string {
  const which = container === undefined ? '' : ` -c ${container}`
  return `kubectl logs${inNamespace(pod)} ${pod.metadata.name}${which}${previous ? ' --previous' : ''}`
}
