/**
 * Everything that can be said about a repo without a cluster and without helm, all problems at once: what `mgo validate`
 * says.
 *
 * @module
 */
import type { Problem } from '../error.ts'
import { desired } from '../manifest/desired.ts'
import { clustersOf, isLfsPointer, lfs, modeProblem } from '../manifest/layout.ts'
import { parseObjects } from '../manifest/objects.ts'
import { readSource } from '../manifest/source.ts'
import { parseDocuments } from '../manifest/document.ts'
import type { Files, Tree } from '../ports.ts'
import type { Cluster, Commit } from '../release/ids.ts'
import type { Settings } from '../release/release.ts'
import { readSettings } from './draft.ts'

export type Checked = {
  readonly clusters: readonly Cluster[]
  readonly releases: number
  readonly raw: number
  readonly problems: readonly Problem[]
}

export type Checking = { readonly only?: Cluster | undefined; readonly allowRanges?: boolean }

/** Checks one cluster, or all that the repo has. */
export async function check(
  commit: Commit,
  repo: Files,
  { only, allowRanges = false }: Checking = {},
): Promise<Checked> {
  const read = await readSettings(commit, repo)
  if (read.kind === 'refused') return { clusters: [], releases: 0, raw: 0, problems: read.problems }
  const tree = await repo.tree(commit, 'installations')
  const clusters = only === undefined ? clustersOf(tree.keys()) : [only]
  const found = await Promise.all(
    clusters.map((cluster) => one(cluster, { commit, repo, settings: read.settings, tree, allowRanges })),
  )
  return {
    clusters,
    releases: sum(found.map((each) => each.releases)),
    raw: sum(found.map((each) => each.raw)),
    problems: found.flatMap((each) => each.problems),
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0)
}

type Course = {
  readonly commit: Commit
  readonly repo: Files
  readonly settings: Settings
  readonly tree: Tree
  readonly allowRanges: boolean
}
type One = Omit<Checked, 'clusters'>

async function one(cluster: Cluster, { commit, repo, settings, tree, allowRanges }: Course): Promise<One> {
  const folder = `installations/${cluster}/`
  const mine = [...tree].filter(([path]) => path.startsWith(folder))
  const known = mine.filter(([path]) => /-(?:values|secrets|raw)\.yaml$/.test(path) && path.split('/').length === 3)
  const odd = known.flatMap(([path, { mode }]) => modeProblem(path, mode) ?? [])
  const regular = known.filter(([, { mode }]) => mode.startsWith('100'))
  const blobs = await repo.read(regular.map(([, { oid }]) => oid))
  const files = regular.map(([path, { oid }]) => ({ path, oid, bytes: blobs.get(oid) ?? new Uint8Array() }))
  const { units, problems } = desired({ cluster, settings, files, allowRanges })
  const charts = await missingCharts(
    units.flatMap((unit) => (unit.kind === 'chart' ? [unit.release] : [])),
    { commit, repo },
  )
  return {
    releases: units.filter((unit) => unit.kind === 'chart').length,
    raw: units.filter((unit) => unit.kind === 'raw').length,
    problems: [
      ...(mine.length === 0 ? [nothing(cluster)] : []),
      ...odd,
      ...problems,
      ...charts,
      ...files.flatMap(({ path, bytes }) => contentProblems(path, bytes)),
      ...mine.flatMap(([path]) => misnamed(path)),
    ],
  }
}

/** Secrets must be YAML, raw files Kubernetes objects. Values files were read already. */
function contentProblems(path: string, bytes: Uint8Array): readonly Problem[] {
  if (isLfsPointer(bytes)) return [lfs(path)]
  if (path.endsWith('-values.yaml')) return []
  const source = readSource(path, bytes)
  if (source.kind === 'refused') return [source.problem]
  const parsed = path.endsWith('-raw.yaml') ? parseObjects(source.source.text, path) : parseDocuments(source.source)
  return parsed.kind === 'refused' ? parsed.problems : []
}

type Release = Parameters<typeof missing>[0]

async function missingCharts(
  releases: readonly Release[],
  where: Pick<Course, 'commit' | 'repo'>,
): Promise<readonly Problem[]> {
  return (await Promise.all(releases.map((release) => missing(release, where)))).flat()
}

async function missing(
  { chart, path }: { readonly chart: { readonly kind: string; readonly path?: string }; readonly path: string },
  { commit, repo }: Pick<Course, 'commit' | 'repo'>,
): Promise<readonly Problem[]> {
  if (chart.kind !== 'path' || chart.path === undefined) return []
  if ((await repo.tree(commit, `${chart.path}/Chart.yaml`)).size > 0) return []
  return [told(path, `the repo has no chart at ./${chart.path}`, `There is no ${chart.path}/Chart.yaml.`)]
}

/** `.yml`, and files that end almost right: they would be left alone, and nobody would know why. */
function misnamed(path: string): readonly Problem[] {
  if (/-(?:values|secrets|raw)\.yml$/.test(path))
    return [told(path, `${path} is left alone, because it ends in .yml`, 'Rename it to end in .yaml.')]
  return []
}

function nothing(cluster: Cluster): Problem {
  return {
    code: 'CLUSTER_UNKNOWN',
    message: `the repo has no folder installations/${cluster}`,
    hint: 'Folders below installations/ are the clusters.',
  }
}

function told(file: string, message: string, hint: string): Problem {
  return { code: 'REPO_INVALID', message, hint, at: { file, line: 1, column: 1 } }
}
