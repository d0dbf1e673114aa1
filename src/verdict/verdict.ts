/**
 * The objects of a release, each judged → one verdict: failed when one of them is at an end, healthy when all are as
 * asked. The reason names the worst of them.
 *
 * @module
 */
import { type K8sObject, objectId, showObject } from '../release/object.ts'
import type { Status } from './status.ts'

export type Judged = { readonly object: K8sObject; readonly status: Status }

/** What a release's objects say together. */
export type Summary = Status & { readonly object: string | undefined }

/** Sums up. Without objects a release is as asked. */
export function summary(judged: readonly Judged[]): Summary {
  const worst =
    judged.find(({ status }) => status.word === 'failed' && status.code !== undefined) ??
    judged.find(({ status }) => status.word === 'failed') ??
    // What says why it waits goes before what merely waits.
    judged.find(({ status }) => status.word === 'waiting' && status.code !== undefined) ??
    judged.find(({ status }) => status.word === 'waiting')
  if (worst !== undefined) return { ...worst.status, says: named(worst), object: showObject(objectId(worst.object)) }
  const told = judged.filter(({ object }) => telling.has(object.kind))
  const says = told.length === 0 ? `all ${judged.length} objects are as asked` : told.slice(0, 3).map(named).join('; ')
  return { word: 'current', says, object: undefined }
}

const telling = new Set(['Deployment', 'StatefulSet', 'DaemonSet', 'Job', 'Pod'])

function named({ object, status }: Judged): string {
  return `${object.kind} ${object.metadata.name}: ${status.says}`
}
