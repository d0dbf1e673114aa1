/**
 * Whether what runs is still what was asked for. Whoever changes fields that a deploy has set, while it is under way,
 * has taken it over: green would be a lie then. Which fields those are, the API server itself remembers
 * (metadata.managedFields), so that an autoscaler's replicas, or what a webhook adds, is nobody's mistake.
 *
 * @module
 */
import type { K8sObject } from '../release/object.ts'
import { at, listAt, textAt } from './at.ts'
import type { Status } from './status.ts'

/** Who applies for us. */
const ours = /^(?:mgo|helm)$/
/** Controllers that set the number of pods; people do it with kubectl. */
const scalers = /controller|autoscal|hpa|vpa|keda|knative/i
/** A pause has a word of its own. */
const pauses = new Set(['spec.paused', 'spec.suspend'])

type Change = { readonly path: string; readonly was: unknown; readonly is: unknown }

/**
 * Compares the fields that were applied with those of the live object.
 *
 * @param asked - the manifest; its images are compared where `base` was seen later than the apply
 * @param base - the object as the apply gave it back, else as it was first seen afterwards
 */
export function taken(asked: K8sObject, live: K8sObject, base: K8sObject): Status | undefined {
  // Certificates are injected into these by trade.
  if (live.kind === 'CustomResourceDefinition' || live.kind === 'APIService') return undefined
  if (base.metadata.uid !== live.metadata.uid) return superseded('it was deleted and made anew', undefined)
  const [first] = images(asked, live)
  if (first !== undefined) return superseded(told(first), handOf(first, live))
  if (base.metadata.generation !== undefined && base.metadata.generation === live.metadata.generation) return undefined
  const found = fieldsOf(base).flatMap((tree) => differences(tree, { was: base, is: live, path: '' }))
  const changed = found.find((one) => !pauses.has(one.path) && !isByTrade(one, live))
  return changed === undefined ? undefined : superseded(told(changed), handOf(changed, live))
}

/** Whether `live` is an older state of the object than the apply gave back: another API server may lag behind. */
export function isOlder(live: K8sObject, base: K8sObject): boolean {
  return live.metadata.uid === base.metadata.uid && (live.metadata.generation ?? 0) < (base.metadata.generation ?? 0)
}

/**
 * Containers that run another tag than the manifest says. A cluster may rewrite an image on its way in (a mirror in
 * front, a digest in place of the tag), so only a tag that differs counts.
 */
function images(asked: K8sObject, live: K8sObject): readonly Change[] {
  const have = new Map(containers(live).map((one) => [textAt(one, 'name'), textAt(one, 'image')]))
  return containers(asked).flatMap((one) => {
    const name = textAt(one, 'name')
    const [was, is] = [textAt(one, 'image'), have.get(name)]
    if (was === undefined || is === undefined || isSame(was, is)) return []
    return [{ path: `spec.template.spec.containers[${name ?? ''}].image`, was, is }]
  })
}

function containers(object: K8sObject): readonly unknown[] {
  const inside = at(object, 'spec', 'template', 'spec')
  return [...listAt(inside, 'initContainers'), ...listAt(inside, 'containers')]
}

function isSame(asked: string, live: string): boolean {
  if (asked === live || live.includes('@') || asked.includes('@')) return true
  const last = (image: string) => image.slice(image.lastIndexOf('/') + 1)
  const [name = '', tag = 'latest'] = last(asked).split(':')
  return last(live) === `${name}:${tag}` || last(live) === last(asked)
}

/** Somebody who scales by trade, or the very controller of the object, which writes its status: nobody took it over. */
function isByTrade(change: Change, live: K8sObject): boolean {
  const hand = handOf(change, live)
  if (hand === undefined) return false
  if (change.path === 'spec.replicas' && scalers.test(hand)) return true
  return managers(live).some((one) => textAt(one, 'manager') === hand && textAt(one, 'subresource') === 'status')
}

/** Who owns a field now, else who wrote last. */
function handOf({ path }: Change, live: K8sObject): string | undefined {
  const others = managers(live).filter((one) => !ours.test(textAt(one, 'manager') ?? ''))
  const owner = others.find((one) =>
    differences((at(one, 'fieldsV1') ?? {}) as Tree, { was: undefined, is: live, path: '' }).some(
      (field) => field.path === path,
    ),
  )
  const last = managers(live)
    .filter((one) => textAt(one, 'subresource') !== 'status')
    .toSorted((a, b) => (textAt(a, 'time') ?? '').localeCompare(textAt(b, 'time') ?? ''))
    .at(-1)
  return textAt(owner ?? last, 'manager')
}

function managers({ metadata }: K8sObject): readonly unknown[] {
  return listAt(metadata, 'managedFields')
}

/** The trees of fields that we own (fieldsV1 of managedFields), without metadata and status. */
function fieldsOf(object: K8sObject): readonly Tree[] {
  return managers(object).flatMap((one) => {
    if (!ours.test(textAt(one, 'manager') ?? '') || textAt(one, 'subresource') !== undefined) return []
    const { 'f:metadata': _, 'f:status': __, ...rest } = (at(one, 'fieldsV1') ?? {}) as Tree
    return [rest]
  })
}

type Tree = { readonly [key: string]: Tree }
type Pair = { readonly was: unknown; readonly is: unknown; readonly path: string }

/** Walks a tree of fields: `f:name` is a field, `k:{…}` an item of a list by its keys, `v:…` an item of a set. */
function differences(tree: Tree, { was, is, path }: Pair): readonly Change[] {
  return Object.entries(tree).flatMap(([key, below]) => {
    const step = key.slice(2)
    if (key.startsWith('f:')) {
      const next = { was: at(was, step), is: at(is, step), path: path === '' ? step : `${path}.${step}` }
      return isLeaf(below) ? leaf(next) : differences(below, next)
    }
    if (!key.startsWith('k:')) return []
    const keys = Object.entries(JSON.parse(step) as Readonly<Record<string, unknown>>)
    const item = (list: unknown) =>
      Array.isArray(list) ? list.find((one) => keys.every(([k, v]) => at(one, k) === v)) : undefined
    const next = { was: item(was), is: item(is), path: `${path}[${keys.map(([, v]) => String(v)).join(',')}]` }
    return next.is === undefined && next.was !== undefined ? [next] : differences(below, next)
  })
}

function isLeaf(tree: Tree): boolean {
  return Object.keys(tree).every((key) => key === '.' || key.startsWith('v:') || key.startsWith('i:'))
}

function leaf(pair: Pair): readonly Change[] {
  return text(pair.was) === text(pair.is) ? [] : [pair]
}

/** Equal for what is equal, whatever the order of its keys. */
function text(value: unknown): string {
  return (
    JSON.stringify(value, (_, one: unknown) =>
      typeof one === 'object' && one !== null && !Array.isArray(one)
        ? Object.fromEntries(Object.entries(one).toSorted(([a], [b]) => (a < b ? -1 : 1)))
        : one,
    ) ?? ''
  )
}

/** Values may be secrets; an image and a number of pods are none. */
function told({ path, was, is }: Change): string {
  const shown = /\.image$|^spec\.replicas$/.test(path)
  return shown ? `${path} is ${String(is)} now, not ${String(was)}` : `${path} is another one now`
}

function superseded(why: string, by: string | undefined): Status {
  return {
    word: 'failed',
    says: `somebody else changed it meanwhile: ${why}${by === undefined ? '' : ` (by ${by})`}`,
    code: 'SUPERSEDED',
    hint: 'This deploy is over. Look at what runs now, and deploy again if it is not meant.',
  }
}
