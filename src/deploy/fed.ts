/**
 * What the repo says of each release: its file, and the image that each source has in it. Who may see or change a
 * release is decided on this.
 *
 * @module
 */
import { MgoError } from '../error.ts'
import { parseHeader } from '../manifest/header.ts'
import { imagesIn } from '../manifest/images.ts'
import { placeOfPath } from '../manifest/layout.ts'
import type { Repo } from '../ports.ts'
import type { Cluster, Commit } from '../release/ids.ts'
import type { Image } from '../release/image.ts'

export type Fed = {
  /** `namespace/name`, or the file's name for raw manifests. */
  readonly release: string
  readonly kind: 'chart' | 'raw'
  readonly cluster: Cluster
  readonly file: string
  /** By source. */
  readonly images: ReadonlyMap<string, Image>
}

/** Reads the releases of a cluster at a commit, or of all clusters. A file that cannot be read has none. */
export type FedReader = (commit: Commit, cluster?: Cluster) => Promise<readonly Fed[]>

type Known = { readonly oid: string; readonly fed: Fed | undefined }

/** Makes the reader. It remembers what it read, for a deploy changes one file of a thousand. */
export function fedReader(repo: Pick<Repo, 'tree' | 'read'>): FedReader {
  const known = new Map<string, Known>()
  return async (commit, cluster) => {
    const folder = cluster === undefined ? 'installations' : `installations/${cluster}`
    const tree = await repo.tree(commit, folder)
    const found = await Promise.all(
      [...tree].map(async ([path, { mode, oid }]) => {
        if (mode !== '100644') return undefined
        const before = known.get(path)
        if (before?.oid === oid) return before.fed
        const fed = await oneOf(path, oid, repo)
        known.set(path, { oid, fed })
        return fed
      }),
    )
    for (const path of known.keys()) if (path.startsWith(`${folder}/`) && !tree.has(path)) known.delete(path)
    return found.filter((one) => one !== undefined)
  }
}

async function oneOf(path: string, oid: string, repo: Pick<Repo, 'read'>): Promise<Fed | undefined> {
  const place = placeOfPath(path)
  if (place.kind !== 'values' && place.kind !== 'raw') return undefined
  const { cluster, name } = place
  if (place.kind === 'raw')
    return { release: `${name}-raw.yaml`, kind: 'raw', cluster, file: path, images: new Map<string, Image>() }
  const bytes = await repo.read([oid]).then((all) => all.get(oid), tooLarge)
  if (bytes === undefined) return undefined
  const parsed = parseHeader({ path, bytes, cluster, name, allowRanges: true })
  if (parsed.kind !== 'release') return undefined
  const { release } = parsed
  return {
    release: `${release.namespace}/${release.name}`,
    kind: 'chart',
    cluster,
    file: path,
    images: imagesIn(path, bytes),
  }
}

/** A file that is too large hurts nobody but who means it. */
function tooLarge(error: unknown): undefined {
  if (error instanceof MgoError && error.code === 'FILE_TOO_LARGE') return undefined
  throw error
}

/** Whether somebody who says `app/web`, `web` or `network` means this release. */
export function isNamed(release: string, name: string): boolean {
  return release === name || release.replace(/-raw\.yaml$/, '') === name || release.split('/').at(-1) === name
}
