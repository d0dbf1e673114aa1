/**
 * Rendered objects → files of a branch: one file an object, the same bytes for the same objects, whatever order they
 * came in. Pure.
 *
 * @module
 */
import { stringify } from 'yaml'
import { type K8sObject, objectId } from '../release/object.ts'

export type RenderedUnit = { readonly name: string; readonly objects: readonly K8sObject[] }

/**
 * Lays objects out as `<namespace>/<kind>-<name>.yaml`; what has no namespace goes to `_cluster/`. An object that two
 * units make is kept from the first, with the group added to the names of kinds that share a name.
 */
export function renderedFiles(units: readonly RenderedUnit[]): ReadonlyMap<string, Uint8Array> {
  const files = new Map<string, Uint8Array>()
  const sorted = units.toSorted((a, b) => compare(a.name, b.name))
  for (const { objects } of sorted)
    for (const object of objects) {
      const path = pathOf(object)
      const free = files.has(path) ? pathOf(object, objectId(object).group) : path
      if (!files.has(free)) files.set(free, new TextEncoder().encode(textOf(object)))
    }
  return new Map([...files].toSorted(([a], [b]) => compare(a, b)))
}

function pathOf(object: K8sObject, group = ''): string {
  const { kind, namespace, name } = objectId(object)
  const file = [kind, ...(group === '' ? [] : [group]), name].join('-').toLowerCase()
  // Names of RBAC objects may hold colons, which some file systems do not take.
  return `${namespace === '' ? '_cluster' : namespace}/${file.replace(/[^a-z0-9.-]+/g, '_').replace(/^\.+|\.+$/g, '_')}.yaml`
}

/** Keys sorted at every depth; lists as they are, for their order means something. */
function textOf(object: K8sObject): string {
  return stringify(object, { sortMapEntries: true, lineWidth: 0, version: '1.1', aliasDuplicateObjects: false })
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
