/**
 * What a sync would change, against the live cluster: each object as the API server would store it (a dry run) beside
 * the object as it is. Writes nothing.
 *
 * @module
 */
import { MgoError } from '../error.ts'
import { type Difference, diff } from '../plan/diff.ts'
import { secretValues } from '../plan/mask.ts'
import { plan, type Step } from '../plan/plan.ts'
import type { Target, World } from '../ports.ts'
import { type K8sObject, objectId, objectKey } from '../release/object.ts'
import type { Cluster, Commit } from '../release/ids.ts'
import { type Release, showUnit, type Unit } from '../release/release.ts'
import { stepName } from './round.ts'
import { engineOf, repoInvalid, survey } from './survey.ts'

/** `kind`: what a sync would do with it. */
export type Compared = {
  readonly unit: string
  readonly kind: Step['kind']
  readonly reason: string
  readonly differences: readonly Difference[]
}

export type CompareOf = {
  readonly commit: Commit
  /** Which releases are asked about; default: all. */
  readonly only?: (release: string) => boolean
}

/** Compares the units of a cluster. Throws REPO_INVALID, CHART_*, KUBE_*. */
export async function compare(
  cluster: Cluster,
  { commit, only = () => true }: CompareOf,
  world: World,
): Promise<readonly Compared[]> {
  const seen = await survey(cluster, commit, world)
  if (seen.wanted.problems.length > 0) throw repoInvalid(seen.wanted.problems)
  const steps = plan(seen).filter((step) => only(stepName(step)))
  const compared: Compared[] = []
  for (const step of steps) {
    const differences = step.kind === 'prune' ? [] : await unitDifferences(step, seen.target, world)
    compared.push({ unit: stepName(step), kind: step.kind, reason: step.reason, differences })
  }
  return compared
}

type Kept = Exclude<Step, { kind: 'prune' }>

async function unitDifferences(step: Kept, target: Target, world: World): Promise<readonly Difference[]> {
  const engine = engineOf(step.unit, world.engines)
  const wanted = await engine.render(step.unit, target)
  const before = step.record === undefined ? [] : await engine.objects(step.unit, target, step.record).catch(() => [])
  const pairs = await Promise.all(wanted.map((object) => pairOf(object, { target, unit: step.unit })))
  const now = new Set(wanted.map((object) => objectKey(objectId(object))))
  const gone = before.filter((object) => !now.has(objectKey(objectId(object))))
  const removed = await Promise.all(
    gone.map(async (object) => ({ before: await target.kube.get(objectId(object)), after: undefined })),
  )
  const all = [...pairs, ...removed]
  const secrets = secretValues(all.flatMap((pair) => [pair.before, pair.after]))
  return all.flatMap((pair) => diff(pair, secrets) ?? [])
}

type Course = { readonly target: Target; readonly unit: Unit }

/** Helm's objects are tried as helm would own them: its manager, by force, for nothing is written. */
async function pairOf(
  object: K8sObject,
  { target, unit }: Course,
): Promise<{ before: K8sObject | undefined; after: K8sObject }> {
  const before = await live(object, target)
  if (isHook(object)) return { before: object, after: object }
  try {
    const after = await target.kube.apply(unit.kind === 'chart' ? helms(object, unit.release) : object, {
      manager: unit.kind === 'chart' ? 'helm' : 'mgo',
      dryRun: true,
      force: true,
    })
    return { before, after }
  } catch (error) {
    // Its namespace or its kind does not exist yet: then all of it is new.
    const isNew = error instanceof MgoError && error.code === 'KUBE_REFUSED' && before === undefined
    if (isNew && /not found|serves no|no matches/.test(error.message)) return { before, after: object }
    throw named(error, showUnit(unit))
  }
}

/** What helm itself adds to each object of a release (helm.sh/helm pkg/action, setMetadataVisitor). */
function helms(object: K8sObject, { name, namespace }: Pick<Release, 'name' | 'namespace'>): K8sObject {
  const { labels, annotations } = object.metadata
  const metadata = {
    ...object.metadata,
    labels: { ...labels, 'app.kubernetes.io/managed-by': 'Helm' },
    annotations: { ...annotations, 'meta.helm.sh/release-name': name, 'meta.helm.sh/release-namespace': namespace },
  }
  return { ...object, metadata }
}

/** Hooks are made and deleted by helm around an upgrade; they are no state to compare. */
function isHook(object: K8sObject): boolean {
  return object.metadata.annotations?.['helm.sh/hook'] !== undefined
}

async function live(object: K8sObject, { kube }: Target): Promise<K8sObject | undefined> {
  try {
    return await kube.get(objectId(object))
  } catch (error) {
    if (error instanceof MgoError && error.code === 'KUBE_REFUSED') return undefined
    throw error
  }
}

function named(error: unknown, unit: string): unknown {
  if (!(error instanceof MgoError)) return error
  return new MgoError({ code: error.code, message: `${unit}: ${error.message}`, hint: error.hint }, { cause: error })
}
