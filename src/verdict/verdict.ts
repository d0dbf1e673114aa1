/**
 * The objects of a release, each judged → one verdict: failed when one of them is at an end, healthy when all are as
 * asked. The reason names the first cause; what else is wrong stands in the evidence.
 *
 * @module
 */
import { type K8sObject, objectId, showObject } from '../release/object.ts'
import type { Evidence } from '../release/verdict.ts'
import type { Status } from './status.ts'

export type Judged = { readonly object: K8sObject; readonly status: Status }

/** What a release's objects say together. */
export type Summary = Status & { readonly object: string | undefined }

/** Other things that are wrong, in words; enough to see that there is more. */
const furtherMost = 5

/** Sums up. Without objects a release is as asked. `plain`: how many more there are that are merely there. */
export function summary(judged: readonly Judged[], plain = 0): Summary {
  const open = judged.map((one) => softened(one, judged)).filter(({ status }) => status.word !== 'current')
  const ranked = open.toSorted((a, b) => rank(a.status) - rank(b.status))
  const [worst, ...rest] = ranked
  if (worst === undefined) return { word: 'current', says: wellSaid(judged, plain), object: undefined }
  const { status, object } = worst
  const more = rest
    .filter((one) => one.status.code !== undefined)
    .slice(0, furtherMost)
    .map(further)
  const proof = [...(status.evidence ?? []), ...more]
  return {
    ...status,
    says: named(worst),
    ...(proof.length === 0 ? {} : { evidence: proof }),
    object: showObject(objectId(object)),
  }
}

/** An end goes before what waits, what says why before what merely is so. Objects of equal rank keep their order. */
function rank({ word, code }: Status): number {
  return (word === 'failed' ? 0 : 2) + (code === undefined ? 1 : 0)
}

function further(one: Judged): Evidence {
  return { object: showObject(objectId(one.object)), says: one.status.says }
}

function wellSaid(judged: readonly Judged[], plain: number): string {
  const told = judged.filter(({ object }) => telling.has(object.kind))
  if (told.length > 0) return told.slice(0, 3).map(named).join('; ')
  const all = judged.length + plain
  return all === 0 ? 'it has no objects' : all === 1 ? 'its one object is there' : `all its ${all} objects are there`
}

const telling = new Set(['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'ReplicationController', 'Job', 'Pod'])

function named({ object, status }: Judged): string {
  return `${object.kind} ${object.metadata.name}: ${status.says}`
}

/**
 * A Secret that is missing, and that a custom resource of the same release names (a certificate, a sealed or an external
 * secret), may still be made by its operator: nobody can call that an end.
 */
function softened(one: Judged, judged: readonly Judged[]): Judged {
  const { status, object } = one
  if (status.word !== 'failed' || status.code !== 'CONFIG_MISSING') return one
  const missing = status.asks?.[0]?.name
  const maker = judged.find(
    (other) => other.object !== object && missing !== undefined && mayMake(other.object, missing),
  )
  if (maker === undefined) return one
  const who = showObject(objectId(maker.object))
  const hint = `Its operator should make it: look at ${who}.`
  return { object, status: { ...status, word: 'waiting', says: `${status.says} (${who} may make it)`, hint } }
}

function mayMake(object: K8sObject, name: string): boolean {
  // Kinds of Kubernetes itself make no Secrets and ConfigMaps.
  if (!/^[^/]+\.[^/]+\//.test(object.apiVersion) || /\.k8s\.io\//.test(object.apiVersion)) return false
  return object.metadata.name === name || JSON.stringify(object['spec'] ?? {}).includes(`"${name}"`)
}
