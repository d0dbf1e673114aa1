/**
 * Objects → API server: server-side apply, phase by phase. Where more than one object is sent, they are tried first
 * without being written, so that a mistake in the third leaves the first two alone. One that goes first, and alone, is
 * tried by being applied.
 *
 * @module
 */
import { MgoError } from '../error.ts'
import { inOrder } from '../plan/order.ts'
import type { Kube } from '../ports.ts'
import { type K8sObject, objectId, showObject } from '../release/object.ts'

export const manager = 'mgo'

/**
 * Whose fields mgo takes over: hands of people at a terminal, and what was there before server-side apply. Fields of a
 * controller (an autoscaler's replicas) are somebody's work: taking them would start a fight that nobody sees.
 */
const hands = /^(?:kubectl.*|before-first-apply|mgo|Mozilla|curl|unknown)$/

/** A definition may be new: how long its kind may take to be served. */
const servedMs = 15_000

/** Applies all objects. Gives them as the server stores them. Throws MgoError KUBE_*. */
export async function send(kube: Kube, objects: readonly K8sObject[]): Promise<readonly K8sObject[]> {
  if (objects.length > 1) await tryAll(kube, objects)
  const stored: K8sObject[] = []
  for (const phase of inOrder(objects)) {
    stored.push(...(await all(phase, (object) => applyOne(kube, object, false))))
    await Promise.all(phase.filter(isDefinition).map((object) => served(kube, object)))
  }
  return stored
}

async function tryAll(kube: Kube, objects: readonly K8sObject[]): Promise<void> {
  const spaces = new Set(objects.flatMap((one) => (one.kind === 'Namespace' ? [one.metadata.name] : [])))
  const kinds = new Set(objects.filter(isDefinition).map(definedKind))
  // What lives in a namespace or is of a kind that comes with it cannot be tried yet.
  const ready = objects.filter((one) => !spaces.has(one.metadata.namespace ?? '') && !kinds.has(one.kind))
  const [first = []] = inOrder(objects)
  const leader = first.length === 1 ? first[0] : undefined
  const tried = (object: K8sObject) => applyOne(kube, object, true)
  try {
    await all(
      ready.filter((one) => one !== leader),
      tried,
    )
  } catch (error) {
    // All that is wrong is told at once, with what is wrong with the first.
    if (error instanceof MgoError && error.code !== 'KUBE_UNREACHABLE') await all(ready, tried)
    throw error
  }
}

/** All of them, and then the first failure, with the others in its words. */
async function all<T>(objects: readonly K8sObject[], work: (object: K8sObject) => Promise<T>): Promise<readonly T[]> {
  const ended = await Promise.allSettled(objects.map(work))
  const failed = ended.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []))
  const known = failed.filter((one) => one instanceof MgoError)
  const [first] = known
  if (failed.length > known.length) throw failed.find((one) => !(one instanceof MgoError))
  if (first === undefined) return ended.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  if (known.length === 1) throw first
  throw new MgoError(
    { code: first.code, message: known.map((one) => one.message).join('\n'), hint: first.hint },
    { problems: known.flatMap((one) => one.problems) },
  )
}

async function applyOne(kube: Kube, object: K8sObject, dryRun: boolean): Promise<K8sObject> {
  try {
    return await kube.apply(object, { manager, dryRun })
  } catch (error) {
    if (!(error instanceof MgoError) || error.code !== 'KUBE_CONFLICT') throw error
    const owners = conflictOwners(error.message)
    if (owners.length === 0 || !owners.every((owner) => hands.test(owner))) throw owned(object, error, owners)
    return kube.apply(object, { manager, dryRun, force: true })
  }
}

/** The managers that a conflict names: `conflict with "kubectl" using apps/v1: .spec.replicas`. */
function conflictOwners(message: string): readonly string[] {
  return [...message.matchAll(/conflicts? with "([^"]+)"/g)].map((match) => match[1] ?? '')
}

function owned(object: K8sObject, error: MgoError, owners: readonly string[]): MgoError {
  if (owners.length === 0) return error
  return new MgoError({
    code: 'KUBE_CONFLICT',
    message: error.message,
    hint: `${owners.join(', ')} owns these fields of ${showObject(objectId(object))}. Leave them out of the file, or have their owner let go.`,
  })
}

function isDefinition(object: K8sObject): boolean {
  return object.kind === 'CustomResourceDefinition'
}

type Definition = {
  readonly group?: string
  readonly names?: { readonly kind?: string }
  readonly versions?: readonly { readonly name: string; readonly served?: boolean }[]
}

function definedKind(object: K8sObject): string {
  return (object['spec'] as Definition | undefined)?.names?.kind ?? ''
}

async function served(kube: Kube, object: K8sObject): Promise<void> {
  const { group = '', names, versions = [] } = (object['spec'] as Definition | undefined) ?? {}
  const version = versions.find((one) => one.served !== false)?.name
  if (version === undefined || names?.kind === undefined) return
  const until = performance.now() + servedMs
  while ((await kube.resource(group, version, names.kind)) === undefined) {
    if (performance.now() > until) return
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}
