/**
 * Which path of the repo is what (contract.md, section 1).
 *
 * @module
 */
import type { Problem } from '../error.ts'
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

/** What a git mode forbids: only a plain file is read and edited. `undefined`: nothing. */
export function modeProblem(path: string, mode: string): Problem | undefined {
  if (mode === '100644') return undefined
  if (mode === '120000') return unusable(path, 'is a symbolic link', 'Put the file itself there.')
  if (mode === '160000') return unusable(path, 'is a submodule', 'Put the file itself there.')
  return unusable(path, 'is executable', `Take the right away: git update-index --chmod=-x ${path}.`)
}

/** Whether a file is only the place holder of Git LFS (git-lfs.github.com, spec v1). */
export function isLfsPointer(bytes: Uint8Array): boolean {
  const start = 'version https://git-lfs.github.com/spec/'
  return bytes.length < 1024 && new TextDecoder().decode(bytes.subarray(0, start.length)) === start
}

/** The problem of such a file. */
export function lfs(path: string): Problem {
  return unusable(path, 'is kept in Git LFS', 'Keep it in git itself: git lfs untrack, and add it again.')
}

function unusable(path: string, why: string, hint: string): Problem {
  return { code: 'EDIT_UNSAFE', message: `${path} ${why}`, hint, at: { file: path, line: 1, column: 1 } }
}
