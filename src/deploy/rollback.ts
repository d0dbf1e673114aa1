/**
 * The images that a release had before, as requests: a rollback is a deploy like any other, a new commit by who asked.
 * What it had before is read from git, so it works with no memory but the repo's.
 *
 * @module
 */
import { MgoError } from '../error.ts'
import { imagesIn } from '../manifest/images.ts'
import { didYouMean } from '../manifest/nearest.ts'
import type { Files, LastChange, Repo } from '../ports.ts'
import type { Cluster, Commit } from '../release/ids.ts'
import { type Image, parseImage, printImage } from '../release/image.ts'
import { type Fed, type FedReader, fedReader, isNamed } from './fed.ts'

export type Earlier = {
  readonly cluster: Cluster
  /** The commit whose images are taken. */
  readonly from: LastChange
  /** The commit that they differ from. */
  readonly now: Commit
  /** What differs, by source. */
  readonly images: ReadonlyMap<string, Image>
}

export type RollbackOf = {
  /** `namespace/name`, or the name alone where it is the only one. */
  readonly release?: string | undefined
  /** Only the image of this source; without a release, of the first release that it feeds. */
  readonly source?: string | undefined
  readonly cluster?: Cluster | undefined
  /** Whose images may go back at all; default: everybody's. */
  readonly may?: ((source: string) => boolean) | undefined
  /**
   * A commit of the release's file, as many digits as it takes, or an image that it had; default: the last commit with
   * other images.
   */
  readonly to?: string | undefined
}

/** Commits of a file that are looked at. */
const depth = 200

/** Finds what a release had. Throws RELEASE_UNKNOWN, SOURCE_UNKNOWN, REQUEST_INVALID (no such commit or image), USAGE where it is not clear which. */
export async function earlier(
  wanted: RollbackOf,
  tip: Commit,
  { repo, fed = fedReader(repo) }: { readonly repo: Repo; readonly fed?: FedReader },
): Promise<Earlier> {
  const { file, cluster, release, images: current } = releaseOf(wanted, await fed(tip, wanted.cluster))
  const history = await repo.history(tip, file, depth)
  const isMeant = meantBy(wanted.to)
  for (const from of history) {
    if (!isMeant.commit(from.commit)) continue
    const then = await imagesAt(from.commit, file, repo)
    const meant = [...then].filter(([source, image]) => isMeant.image(image) && isAsked(source, wanted))
    const images = new Map(meant.filter(([source, image]) => isOther(current.get(source), image)))
    if (images.size > 0) return { cluster, from, now: tip, images }
    if (wanted.to !== undefined && meant.length > 0)
      throw nothing(`${release} has the images of ${wanted.to} already`, history)
  }
  throw nothing(neverHad(release, wanted), history)
}

function isAsked(source: string, wanted: RollbackOf): boolean {
  return (wanted.source === undefined || source === wanted.source) && (wanted.may?.(source) ?? true)
}

/** What `to` means: a commit has nothing but digits, an image has a tag or a digest. */
function meantBy(to: string | undefined) {
  const parsed = to === undefined || isCommit(to) ? undefined : parseImage(to)
  if (parsed?.kind === 'refused') throw new MgoError(parsed.problem)
  const { repository, tag, digest } = parsed?.image ?? {}
  return {
    commit: (commit: Commit) => to === undefined || !isCommit(to) || commit.startsWith(to),
    image: (image: Image) =>
      repository === undefined ||
      (image.repository === repository &&
        (tag === undefined || image.tag === tag) &&
        (digest === undefined || image.digest === digest)),
  }
}

function isCommit(to: string): boolean {
  return /^[0-9a-f]{1,64}$/.test(to)
}

function isOther(now: Image | undefined, then: Image): boolean {
  return now !== undefined && printImage(now) !== printImage(then)
}

/** The images that a file had at a commit, by source; a file that was not there has none. */
export async function imagesAt(commit: Commit, path: string, repo: Files): Promise<ReadonlyMap<string, Image>> {
  const oid = (await repo.tree(commit, path)).get(path)?.oid
  const bytes = oid === undefined ? undefined : (await repo.read([oid])).get(oid)
  return bytes === undefined ? new Map() : imagesIn(path, bytes)
}

function releaseOf({ release, source, cluster }: RollbackOf, fed: readonly Fed[]): Fed {
  const charts = fed.filter(({ kind }) => kind === 'chart')
  const place = cluster === undefined ? '' : ` on ${cluster}`
  if (release === undefined) {
    const first = charts.find(({ images }) => source !== undefined && images.has(source))
    if (first !== undefined) return first
    const sources = charts.flatMap(({ images }) => [...images.keys()])
    throw unknown('SOURCE_UNKNOWN', `no release${place} has the source ${source}`, didYouMean(source ?? '', sources))
  }
  const found = charts.filter((one) => isNamed(one.release, release))
  const [first, second] = found
  if (first !== undefined && second === undefined) return first
  if (first === undefined)
    throw unknown(
      'RELEASE_UNKNOWN',
      `the repo has no release ${release}${place}`,
      didYouMean(
        release,
        charts.map((one) => one.release),
      ),
    )
  throw unknown(
    'USAGE',
    `there is more than one release ${release}: ${found.map((one) => `${one.release} on ${one.cluster}`).join(', ')}`,
    'Name it as namespace/name, and its cluster with --cluster.',
  )
}

function unknown(code: 'RELEASE_UNKNOWN' | 'SOURCE_UNKNOWN' | 'USAGE', message: string, hint: string): MgoError {
  return new MgoError({ code, message, hint })
}

function neverHad(release: string, { to }: RollbackOf): string {
  if (to === undefined) return `${release} never had another image`
  return isCommit(to) ? `no commit ${to} changed ${release}` : `${release} never had the image ${to}`
}

function nothing(message: string, history: readonly LastChange[]): MgoError {
  const known = history.slice(0, 5).map((one) => `${one.commit.slice(0, 12)} ${one.subject}`)
  return new MgoError({
    code: 'REQUEST_INVALID',
    message,
    hint: known.length === 0 ? 'Its file has no history.' : `Commits of its file: ${known.join('; ')}.`,
  })
}
