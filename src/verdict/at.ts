/**
 * Reads fields of objects whose shape nobody promises: a wrong type reads as absent.
 *
 * @module
 */
import type { K8sObject } from '../release/object.ts'

/** The value at a path of keys. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  let now = value
  for (const key of path) {
    if (typeof now !== 'object' || now === null) return undefined
    now = (now as Readonly<Record<string, unknown>>)[key]
  }
  return now
}

export function numberAt(value: unknown, ...path: readonly string[]): number | undefined {
  const found = at(value, ...path)
  return typeof found === 'number' ? found : undefined
}

export function textAt(value: unknown, ...path: readonly string[]): string | undefined {
  const found = at(value, ...path)
  return typeof found === 'string' ? found : undefined
}

export function listAt(value: unknown, ...path: readonly string[]): readonly unknown[] {
  const found = at(value, ...path)
  return Array.isArray(found) ? found : []
}

export type Condition = {
  readonly type: string
  readonly status: string
  readonly reason: string
  readonly message: string
  /** RFC 3339, the latest of its times. */
  readonly since: string | undefined
  readonly observedGeneration: number | undefined
}

/** The conditions of an object's status, by type. */
export function conditions(object: K8sObject): ReadonlyMap<string, Condition> {
  const found = listAt(object, 'status', 'conditions').flatMap((one): [string, Condition][] => {
    const type = textAt(one, 'type')
    if (type === undefined) return []
    const condition: Condition = {
      type,
      status: textAt(one, 'status') ?? 'Unknown',
      reason: textAt(one, 'reason') ?? '',
      message: textAt(one, 'message') ?? '',
      since: textAt(one, 'lastUpdateTime') ?? textAt(one, 'lastTransitionTime'),
      observedGeneration: numberAt(one, 'observedGeneration'),
    }
    return [[type, condition]]
  })
  return new Map(found)
}

/** Who set a field last, as the API server remembers it: `byWhom(object, 'f:spec', 'f:paused')` → `kubectl-patch`. */
export function byWhom(object: K8sObject, ...path: readonly string[]): string | undefined {
  const owners = listAt(object.metadata, 'managedFields').filter((one) => at(one, 'fieldsV1', ...path) !== undefined)
  const [last] = owners.toSorted((a, b) => (textAt(b, 'time') ?? '').localeCompare(textAt(a, 'time') ?? ''))
  return textAt(last, 'manager')
}

/** Whether the controller has looked at the object as it is now. */
export function isObserved(object: K8sObject): boolean {
  const observed = numberAt(object, 'status', 'observedGeneration')
  return observed !== undefined && observed >= (object.metadata.generation ?? 0)
}

/** Whether `owner` controls `object`. */
export function isOwnedBy(object: K8sObject, owner: K8sObject): boolean {
  const uid = owner.metadata.uid
  return uid !== undefined && (object.metadata.ownerReferences ?? []).some((one) => one.uid === uid)
}
