/**
 * The images that a release had before, as requests: a rollback is a deploy like any other, a new commit by who asked.
 * What it had before is read from git, so it works with no memory but the repo's.
 *
 * @module
 */
import { MgoError } from '../error.ts'
import { parseHeader } from '../manifest/header.ts'
import { imagesIn } from '../manifest/images.ts'
import { placeOfPath } from '../manifest/layout.ts'
import { didYouMean } from '../manifest/nearest.ts'
import type { LastChange, Repo } from '../ports.ts'
import type { Cluster, Commit } from '../release/ids.ts'
import { type Image, printImage } from '../release/image.ts'

export type Earlier = {
  readonly cluster: Cluster
  /** The commit whose images are taken. */
  readonly from: LastChange
  /** What differs from now, by source. */
  readonly images: ReadonlyMap<string, Image>
}

export type RollbackOf = {
  /** `namespace/name`, or the name alone where it is the only one. */
  readonly release: string
  readonly cluster?: Cluster | undefined
  /** A commit of the release's file, as many digits as it takes; default: the last one with other images. */
  readonly to?: string | undefined
}

/** Commits of a file that are looked at. */
const depth = 200

/** Finds what a release had. Throws REQUEST_INVALID where there is no such release or commit, USAGE where it is not clear which. */
export async function earlier(wanted: RollbackOf, tip: Commit, repo: Repo): Promise<Earlier> {
  const { path, cluster } = await fileOf(wanted, tip, repo)
  const now = await imagesAt(tip, path, repo)
  const history = await repo.history(tip, path, depth)
  for (const from of history) {
    if (wanted.to !== undefined && !from.commit.startsWith(wanted.to)) continue
    const then = await imagesAt(from.commit, path, repo)
    const images = new Map([...then].filter(([source, image]) => isOther(now.get(source), image)))
    if (images.size > 0) return { cluster, from, images }
    if (wanted.to !== undefined) throw nothing(`${wanted.release} has the images of ${wanted.to} already`, history)
  }
  throw nothing(
    wanted.to === undefined
      ? `${wanted.release} never had another image`
      : `no commit ${wanted.to} changed ${wanted.release}`,
    history,
  )
}

function isOther(now: Image | undefined, then: Image): boolean {
  return now !== undefined && printImage(now) !== printImage(then)
}

async function imagesAt(commit: Commit, path: string, repo: Repo): Promise<ReadonlyMap<string, Image>> {
  const oid = (await repo.tree(commit, path)).get(path)?.oid
  const bytes = oid === undefined ? undefined : (await repo.read([oid])).get(oid)
  return bytes === undefined ? new Map() : imagesIn(path, bytes)
}

type Found = { readonly path: string; readonly cluster: Cluster; readonly name: string }

async function fileOf({ release, cluster }: RollbackOf, tip: Commit, repo: Repo): Promise<Found> {
  const all = (await releases(tip, repo)).filter((one) => cluster === undefined || one.cluster === cluster)
  const found = all.filter(({ name }) => name === release || name.endsWith(`/${release}`))
  const [first, second] = found
  if (first !== undefined && second === undefined) return first
  if (first === undefined)
    throw new MgoError({
      code: 'REQUEST_INVALID',
      message: `the repo has no release ${release}${cluster === undefined ? '' : ` on ${cluster}`}`,
      hint: didYouMean(
        release,
        all.map(({ name }) => name),
      ),
    })
  throw new MgoError({
    code: 'USAGE',
    message: `there is more than one release ${release}: ${found.map((one) => `${one.name} on ${one.cluster}`).join(', ')}`,
    hint: 'Name it as namespace/name, and its cluster with --cluster.',
  })
}

async function releases(tip: Commit, repo: Repo): Promise<readonly Found[]> {
  const found: Found[] = []
  for (const [path, { oid, mode }] of await repo.tree(tip, 'installations')) {
    const place = placeOfPath(path)
    if (place.kind !== 'values' || mode !== '100644') continue
    const bytes = (await repo.read([oid])).get(oid) ?? new Uint8Array()
    const { cluster, name } = place
    const parsed = parseHeader({ path, bytes, cluster, name, allowRanges: true })
    if (parsed.kind === 'release')
      found.push({ path, cluster, name: `${parsed.release.namespace}/${parsed.release.name}` })
  }
  return found
}

function nothing(message: string, history: readonly LastChange[]): MgoError {
  const known = history.slice(0, 5).map((one) => `${one.commit.slice(0, 12)} ${one.subject}`)
  return new MgoError({
    code: 'REQUEST_INVALID',
    message,
    hint: known.length === 0 ? 'Its file has no history.' : `Commits of its file: ${known.join('; ')}.`,
  })
}
