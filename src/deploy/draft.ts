/**
 * Requests upon a commit → the commits they would make, one after the other, in memory. Writes nothing.
 *
 * @module
 */
import { MgoError, type Problem } from '../error.ts'
import { change } from '../manifest/change.ts'
import { isLfsPointer, lfs, modeProblem, placeOfPath } from '../manifest/layout.ts'
import { nearest } from '../manifest/nearest.ts'
import { parseSettings } from '../manifest/settings.ts'
import type { Clock, Files, NewCommit, Repo } from '../ports.ts'
import type { Cluster, Commit } from '../release/ids.ts'
import type { Release, Settings } from '../release/release.ts'
import type { DeployRequest } from '../release/request.ts'
import { breath } from './breath.ts'
import { overtaken } from './overtaken.ts'

export type Drafted =
  | {
      readonly kind: 'changed'
      readonly request: DeployRequest
      readonly commit: NewCommit
      readonly releases: readonly Release[]
    }
  | { readonly kind: 'unchanged'; readonly request: DeployRequest; readonly releases: readonly Release[] }
  | { readonly kind: 'refused'; readonly request: DeployRequest; readonly problems: readonly Problem[] }

type Contents = Map<string, Uint8Array>
/** A cluster's values files, and what looks like one and cannot be edited. */
type Editable = { readonly files: Contents; readonly odd: readonly Problem[] }

export type Drafting = {
  readonly repo: Repo
  /** Where a large batch is drafted beside other work: others get a turn every now and then. */
  readonly clock?: Pick<Clock, 'now' | 'sleep'>
}

/** Drafts each request upon the files as the requests before it left them. */
export async function draft(
  requests: readonly DeployRequest[],
  base: Commit,
  { repo, clock }: Drafting,
): Promise<readonly Drafted[]> {
  // Both are asked for at once: each is a program of git, and a deploy waits for them.
  const clusters = [...new Set(requests.map(({ cluster }) => cluster))]
  const trees = clusters.map((cluster) => repo.tree(base, `installations/${cluster}`))
  const [settings] = await Promise.all([readSettings(base, repo), ...trees])
  if (settings.kind === 'refused')
    return requests.map((request) => ({ kind: 'refused', request, problems: settings.problems }))
  const known = new Map<Cluster, Editable>()
  const drafted: Drafted[] = []
  const pause = clock && breath(clock)
  for (const request of requests) {
    await pause?.()
    const here = known.get(request.cluster) ?? (await editable(request.cluster, base, repo))
    known.set(request.cluster, here)
    const isNothing = here.files.size === 0 && here.odd.length === 0
    drafted.push(
      isNothing
        ? await unknownCluster(request, base, repo)
        : await one(request, here, { settings: settings.settings, repo }),
    )
  }
  return drafted
}

type Around = { readonly settings: Settings; readonly repo: Repo }

async function one(request: DeployRequest, { files, odd }: Editable, { settings, repo }: Around): Promise<Drafted> {
  if (settings.clusters.get(request.cluster)?.freeze === true)
    return { kind: 'refused', request, problems: [frozen(request.cluster)] }
  const changed = change(request, files)
  // The source may be named where mgo cannot look.
  if (changed.kind === 'refused') return { ...changed, request, problems: [...changed.problems, ...odd] }
  if (changed.kind === 'unchanged') return { ...changed, request }
  const late = await overtaken(request, { files, paths: [...changed.files.keys()] }, repo)
  if (late !== undefined) return { kind: 'refused', request, problems: [late] }
  for (const [path, bytes] of changed.files) files.set(path, bytes)
  const commit: NewCommit = {
    files: changed.files,
    message: changed.message,
    author: request.author,
    at: request.acceptedAt,
  }
  return { kind: 'changed', request, commit, releases: changed.releases }
}

export type ReadSettings =
  | { readonly kind: 'ok'; readonly settings: Settings }
  | { readonly kind: 'refused'; readonly problems: readonly Problem[] }

/** mygitops.yaml at a commit; a repo without it has the defaults. */
export async function readSettings(commit: Commit, repo: Files): Promise<ReadSettings> {
  const entry = (await repo.tree(commit, 'mygitops.yaml')).get('mygitops.yaml')
  const bytes = entry === undefined ? undefined : (await repo.read([entry.oid])).get(entry.oid)
  return parseSettings(bytes)
}

/** The values files of a cluster at a commit, by path. */
export async function valuesFiles(cluster: Cluster, base: Commit, repo: Repo): Promise<Contents> {
  return (await editable(cluster, base, repo)).files
}

async function editable(cluster: Cluster, base: Commit, repo: Repo): Promise<Editable> {
  const tree = await repo.tree(base, `installations/${cluster}`)
  const values = [...tree].filter(([path]) => placeOfPath(path).kind === 'values')
  const files: Contents = new Map()
  const odd: Problem[] = []
  await Promise.all(
    values.map(async ([path, { mode, oid }]) => {
      const problem = modeProblem(path, mode)
      const bytes = problem ?? (await repo.read([oid]).catch((error: unknown) => tooLarge(path, error)))
      if ('code' in bytes) return odd.push(bytes)
      const content = bytes.get(oid) ?? new Uint8Array()
      return isLfsPointer(content) ? odd.push(lfs(path)) : files.set(path, content)
    }),
  )
  // Answers come as they come; the order of the files must not depend on it.
  return { files: new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1))), odd }
}

/** A file that is too large hurts nobody but who means it. */
function tooLarge(path: string, error: unknown): Problem {
  if (error instanceof MgoError && error.code === 'FILE_TOO_LARGE')
    return { code: error.code, message: error.message, hint: error.hint, at: { file: path, line: 1, column: 1 } }
  throw error
}

async function unknownCluster(request: DeployRequest, base: Commit, repo: Repo): Promise<Drafted> {
  const paths = [...(await repo.tree(base, 'installations')).keys()]
  const names = [...new Set(paths.map((path) => path.split('/')[1] ?? ''))]
  const problem: Problem = {
    code: 'CLUSTER_UNKNOWN',
    message: `the repo has no values file for the cluster ${request.cluster}`,
    hint:
      names.length === 0
        ? 'It has no folder installations/<cluster>/ at all.'
        : `It has: ${nearest(request.cluster, names).join(', ')}.`,
  }
  return { kind: 'refused', request, problems: [problem] }
}

/** The refusal of a cluster that its owners have frozen in mygitops.yaml. */
function frozen(cluster: Cluster): Problem {
  return {
    code: 'CLUSTER_FROZEN',
    message: `the cluster ${cluster} is frozen`,
    hint: `Nothing was changed. Take out "freeze: true" of clusters.${cluster} in mygitops.yaml when deploys may go on.`,
  }
}
