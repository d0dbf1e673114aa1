/**
 * What a full ResourceQuota refused, and whether it has room for that by now. The refusal is a controller's first and
 * stays as it was written, however often it was tried again since; the quota itself knows better.
 *
 * @module
 */
import type { K8sObject, ObjectId } from '../release/object.ts'
import { textAt } from './at.ts'
import { amountOf } from './quantity.ts'

export type Exceeded = {
  /** The quota. */
  readonly id: ObjectId
  /** Of that which was too much, what one pod asks for. */
  readonly requested: ReadonlyMap<string, string>
}

/** A moment after a pod is gone the quota is counted again, and a moment later it is read again. */
export const countedMs = 12_000
/** Sums of thousandths are not exact. */
const tolerance = 1e-9

/**
 * The quota that a message says is exceeded; `undefined` where it says something else.
 *
 * @param by - whose pods are refused: the quota is in its namespace
 *
 * @example `exceeded quota: team, requested: pods=1, used: pods=2, limited: pods=2`
 */
export function exceededIn(message: string, by: K8sObject): Exceeded | undefined {
  const [, name, requested] = /exceeded quota: ([^,\s]+), requested: (\S+), used: /.exec(message) ?? []
  if (name === undefined || requested === undefined) return undefined
  const { namespace = '' } = by.metadata
  const parts = requested.split(',').map((one): [string, string] => {
    const [resource = '', amount = ''] = one.split('=')
    return [resource, amount]
  })
  return { id: { group: '', version: 'v1', kind: 'ResourceQuota', namespace, name }, requested: new Map(parts) }
}

/** Whether one more pod fits in. A quota that is gone refuses nothing; what it limits no longer has no end. */
export function hasRoom({ requested }: Exceeded, quota: K8sObject | 'absent'): boolean {
  if (quota === 'absent') return true
  return [...requested].every(([resource, amount]) => {
    const hard = textAt(quota, 'spec', 'hard', resource)
    if (hard === undefined) return true
    const used = textAt(quota, 'status', 'used', resource) ?? '0'
    return amountOf(used) + amountOf(amount) <= amountOf(hard) * (1 + tolerance)
  })
}
