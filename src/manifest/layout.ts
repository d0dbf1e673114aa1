/**
 * Which path of the repo is what (contract.md, section 1).
 *
 * @module
 */
import { type Cluster, parseCluster } from '../release/ids.ts'

export type Place =
  | { readonly kind: 'values' | 'secrets' | 'raw'; readonly cluster: Cluster; readonly name: string }
  | { readonly kind: 'settings' }
  | { readonly kind: 'other' }

const endings = { values: '-values.yaml', secrets: '-secrets.yaml', raw: '-raw.yaml' } as const

/** What a path is. Only files right below `installations/<cluster>/` count. */
export function placeOfPath(path: string): Place {
  if (path === 'mygitops.yaml') return { kind: 'settings' }
  const [top, folder, file, ...rest] = path.split('/')
  const cluster = folder === undefined ? undefined : parseCluster(folder)
  if (top !== 'installations' || cluster === undefined || file === undefined || rest.length > 0)
    return { kind: 'other' }
  for (const kind of ['values', 'secrets', 'raw'] as const) {
    const name = file.slice(0, -endings[kind].length)
    if (file.endsWith(endings[kind]) && name !== '') return { kind, cluster, name }
  }
  return { kind: 'other' }
}

/** The clusters that the repo has a folder for, sorted. */
export function clustersOf(paths: Iterable<string>): readonly Cluster[] {
  const found = new Set<Cluster>()
  for (const path of paths) {
    const place = placeOfPath(path)
    if (place.kind !== 'other' && place.kind !== 'settings') found.add(place.cluster)
  }
  return [...found].sort()
}

/** The path of a release's secrets beside its values file. */
export function secretsPath(valuesPath: string): string {
  return valuesPath.replace(/-values\.yaml$/, '-secrets.yaml')
}
