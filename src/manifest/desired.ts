/**
 * The files of one cluster → what should run there, and everything that is wrong with them.
 *
 * @module
 */
import type { Problem } from '../error.ts'
import type { Cluster } from '../release/ids.ts'
import { type FileRef, type Settings, type Unit, chartKey, rawKey } from '../release/release.ts'
import { parseHeader } from './header.ts'
import { placeOfPath, secretsPath } from './layout.ts'
import { didYouMean } from './nearest.ts'

export type RepoFile = { readonly path: string; readonly oid: string; readonly bytes: Uint8Array }

export type DesiredInput = {
  readonly cluster: Cluster
  readonly settings: Settings
  /** The files below `installations/<cluster>/`. */
  readonly files: readonly RepoFile[]
  readonly allowRanges?: boolean
}

export type Desired = { readonly units: readonly Unit[]; readonly problems: readonly Problem[] }

/** Reads what should run on a cluster. A unit with a problem is left out and told. */
export function desired(input: DesiredInput): Desired {
  const problems: Problem[] = []
  const byPath = new Map(input.files.map((file) => [file.path, file]))
  const units = input.files.flatMap((file) => unitOf(file, byPath, { input, problems }))
  return { units: crossChecked(units, input, problems), problems }
}

type Sink = { readonly input: DesiredInput; readonly problems: Problem[] }

function unitOf(file: RepoFile, byPath: ReadonlyMap<string, RepoFile>, { input, problems }: Sink): readonly Unit[] {
  const place = placeOfPath(file.path)
  if (place.kind === 'raw')
    return [{ kind: 'raw', key: rawKey(place.name), cluster: input.cluster, name: place.name, file: ref(file) }]
  if (place.kind === 'secrets' && !byPath.has(file.path.replace(/-secrets\.yaml$/, '-values.yaml'))) {
    problems.push(
      told(
        file.path,
        'the secrets file has no values file beside it',
        'Name it like its release: <release>-secrets.yaml beside <release>-values.yaml.',
      ),
    )
  }
  if (place.kind !== 'values') return []
  const parsed = parseHeader({
    path: file.path,
    bytes: file.bytes,
    cluster: input.cluster,
    name: place.name,
    allowRanges: input.allowRanges ?? false,
  })
  if (parsed.kind === 'refused') problems.push(...parsed.problems)
  if (parsed.kind !== 'release') return []
  const secrets = byPath.get(secretsPath(file.path))
  const { release } = parsed
  return [{ kind: 'chart', key: chartKey(release), release, values: ref(file), secrets: secrets && ref(secrets) }]
}

function ref({ path, oid }: RepoFile): FileRef {
  return { path, oid }
}

function told(file: string, message: string, hint: string): Problem {
  return { code: 'REPO_INVALID', message, hint, at: { file, line: 1, column: 1 } }
}

function crossChecked(units: readonly Unit[], input: DesiredInput, problems: Problem[]): readonly Unit[] {
  const seen = new Map<string, string>()
  const names = units.flatMap((unit) => (unit.kind === 'chart' ? [unit.release.name] : []))
  const repositories = input.settings.repositories.map((one) => one.name)
  return units.filter((unit) => {
    if (unit.kind !== 'chart') return true
    const { release } = unit
    const before = problems.length
    const other = seen.get(unit.key)
    if (other !== undefined)
      problems.push(
        told(
          release.path,
          `the release ${release.namespace}/${release.name} is also in ${other}`,
          'Give one of the two another name or namespace.',
        ),
      )
    seen.set(unit.key, release.path)
    if (release.chart.kind === 'repository' && !repositories.includes(release.chart.repository)) {
      problems.push(
        told(
          release.path,
          `mygitops.yaml has no helm repository ${release.chart.repository}`,
          didYouMean(release.chart.repository, repositories),
        ),
      )
    }
    for (const need of release.needs) {
      if (!names.includes(need))
        problems.push(told(release.path, `it needs ${need}, which this cluster does not have`, didYouMean(need, names)))
      else if (reaches(need, release.name, units))
        problems.push(
          told(release.path, `${release.name} and ${need} need each other`, 'Take one of the two needs out.'),
        )
    }
    return problems.length === before
  })
}

function reaches(from: string, to: string, units: readonly Unit[]): boolean {
  const seen = new Set<string>()
  const open = [from]
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (name === to) return true
    if (seen.has(name)) continue
    seen.add(name)
    for (const unit of units) if (unit.kind === 'chart' && unit.release.name === name) open.push(...unit.release.needs)
  }
  return false
}
