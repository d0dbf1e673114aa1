/**
 * What should run on a cluster at a commit, beside what its records say: everything a plan needs. Writes nothing and
 * starts no program; of the cluster it asks one metadata LIST for each engine that it has a file for, and of raw files always.
 *
 * @module
 */
import { MgoError, type Problem } from '../error.ts'
import { type Desired, desired } from '../manifest/desired.ts'
import { placeOfPath } from '../manifest/layout.ts'
import { nearest } from '../manifest/nearest.ts'
import { secretsIn } from '../manifest/secret-values.ts'
import { clusterDefaults } from '../manifest/settings.ts'
import type { PlanInput } from '../plan/plan.ts'
import type { Engine, Target, UnitRecord, World } from '../ports.ts'
import type { Cluster, Commit } from '../release/ids.ts'
import { type ClusterSettings, rawKey, type Settings, type Unit } from '../release/release.ts'
import { readSettings } from './draft.ts'

/** The repo's side alone. `rendered`: units whose engine is render; they never reach the cluster. */
export type Wanted = {
  readonly cluster: Cluster
  readonly commit: Commit
  readonly settings: Settings
  readonly clusterSettings: ClusterSettings
  readonly units: readonly Unit[]
  readonly rendered: readonly Unit[]
  /** The keys of all raw files of the cluster, also of those that are no unit: what they brought is not pruned. */
  readonly rawFiles: ReadonlySet<string>
  /** What is wrong with files of this cluster; their releases are left as they are. */
  readonly problems: readonly Problem[]
}

export type Surveyed = PlanInput & { readonly target: Target; readonly wanted: Wanted }

/** Reads what a commit wants of a cluster. Throws REPO_INVALID (mygitops.yaml), CLUSTER_UNKNOWN. */
export async function wantedOf(
  cluster: Cluster,
  commit: Commit,
  { repo, secrets, allowRanges = false }: Pick<World, 'repo' | 'secrets' | 'allowRanges'>,
): Promise<Wanted> {
  const read = await readSettings(commit, repo)
  if (read.kind === 'refused') throw repoInvalid(read.problems)
  const { settings } = read
  const tree = await repo.tree(commit, `installations/${cluster}`)
  if (tree.size === 0) throw await unknownCluster(cluster, commit, repo)
  const regular = [...tree].filter(([, { mode }]) => mode.startsWith('100'))
  const values = regular.filter(([path]) => path.endsWith('-values.yaml'))
  const blobs = await repo.read(values.map(([, { oid }]) => oid))
  const files = regular.map(([path, { oid }]) => ({ path, oid, bytes: blobs.get(oid) ?? new Uint8Array() }))
  for (const { path, bytes } of files) secrets.values(secretsIn(path, new TextDecoder().decode(bytes)))
  const found: Desired = desired({ cluster, settings, files, allowRanges })
  const clusterSettings = settings.clusters.get(cluster) ?? clusterDefaults(cluster)
  const isRendered = (unit: Unit) =>
    (unit.kind === 'chart' ? (unit.release.engine ?? clusterSettings.engine) : clusterSettings.engine) === 'render'
  return {
    cluster,
    commit,
    settings,
    clusterSettings,
    units: found.units.filter((unit) => !isRendered(unit)),
    rendered: found.units.filter(isRendered),
    rawFiles: new Set([...tree.keys()].flatMap(rawKeyOf)),
    problems: [...found.problems, ...links(tree)],
  }
}

function rawKeyOf(path: string): readonly string[] {
  const place = placeOfPath(path)
  return place.kind === 'raw' ? [rawKey(place.name)] : []
}

function links(tree: ReadonlyMap<string, { readonly mode: string }>): readonly Problem[] {
  return [...tree]
    .filter(([path, { mode }]) => !mode.startsWith('100') && path.endsWith('.yaml'))
    .map(([file]) => ({
      code: 'REPO_INVALID',
      message: `${file} is a symbolic link or a submodule`,
      hint: 'Put the file itself there: mgo follows no links.',
      at: { file, line: 1, column: 1 },
    }))
}

/** Where an engine works. `kube` is the cluster, or what stands in for it when only rendering. */
export function targetOf(wanted: Wanted, world: World, kube: Target['kube']): Target {
  const { cluster, settings, clusterSettings, commit } = wanted
  const { repo, tell, secrets } = world
  return { cluster, settings, clusterSettings, commit, repo, kube, tell, secrets }
}

/** Surveys a cluster at a commit. Throws MgoError KUBE_*, KUBECONFIG_INVALID and what `wantedOf` throws. */
export async function survey(cluster: Cluster, commit: Commit, world: World): Promise<Surveyed> {
  const wanted = await wantedOf(cluster, commit, world)
  if (wanted.units.length === 0 && wanted.clusterSettings.engine === 'render') return untouched(wanted, world)
  const target = targetOf(wanted, world, await world.kube(wanted.clusterSettings.context))
  const [records, inputs] = await Promise.all([
    allRecords(asked(world.engines, wanted.units), target),
    Promise.all(
      wanted.units.map(async (unit) => [unit.key, await engineOf(unit, world.engines).inputs(unit, target)] as const),
    ),
  ])
  const { units, rawFiles } = wanted
  return { target, wanted, units, rawFiles, records, inputs: new Map(inputs) }
}

/** A cluster that mgo only renders for is never asked, and may not exist yet. */
function untouched(wanted: Wanted, world: World): Surveyed {
  const target = targetOf(wanted, world, world.offline)
  return { target, wanted, units: [], rawFiles: wanted.rawFiles, records: new Map(), inputs: new Map() }
}

/** A helm release is never uninstalled: where no chart is wanted, what helm has there decides nothing. */
function asked(engines: readonly Engine[], units: readonly Unit[]): readonly Engine[] {
  return engines.filter(({ kind }) => kind === 'raw' || units.some((unit) => unit.kind === kind))
}

async function allRecords(engines: readonly Engine[], target: Target): Promise<ReadonlyMap<string, UnitRecord>> {
  const maps = await Promise.all(engines.map((engine) => engine.records(target)))
  return new Map(maps.flatMap((map) => [...map]))
}

/** The engine that works on a unit. */
export function engineOf(unit: Pick<Unit, 'kind'>, engines: readonly Engine[]): Engine {
  const engine = engines.find((one) => one.kind === unit.kind)
  if (engine === undefined) throw new Error(`no engine for ${unit.kind}`)
  return engine
}

async function unknownCluster(cluster: Cluster, commit: Commit, repo: World['repo']): Promise<MgoError> {
  const paths = [...(await repo.tree(commit, 'installations')).keys()]
  const names = [...new Set(paths.map((path) => path.split('/')[1] ?? ''))]
  const near = nearest(cluster, names, 5)
  return new MgoError({
    code: 'CLUSTER_UNKNOWN',
    message: `${repo.name} has no folder installations/${cluster}`,
    hint: near.length === 0 ? 'It has no folder installations/<cluster>/ at all.' : `It has: ${near.join(', ')}.`,
  })
}

/** Problems of the repo as the error that a command fails with. */
export function repoInvalid(problems: readonly Problem[]): MgoError {
  const [first] = problems
  if (first === undefined) throw new Error('refused without a problem')
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : ''
  return new MgoError({ ...first, message: `${first.message}${more}` }, { problems })
}
