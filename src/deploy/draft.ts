/**
 * Requests upon a commit → the commits they would make, one after the other, in memory. Writes nothing.
 *
 * @module
 */
import type { Problem } from '../error.ts'
import { change } from '../manifest/change.ts'
import { nearest } from '../manifest/nearest.ts'
import { parseSettings } from '../manifest/settings.ts'
import type { Clock, Files, NewCommit, Repo } from '../ports.ts'
import type { Cluster, Commit } from '../release/ids.ts'
import type { Release, Settings } from '../release/release.ts'
import type { DeployRequest } from '../release/request.ts'

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

export type Drafting = {
  readonly repo: Repo
  /** Where a large batch is drafted beside other work: others get a turn every now and then. */
  readonly clock?: Pick<Clock, 'now' | 'sleep'>
}

/** Milliseconds of drafting without a pause. */
const atOnceMs = 10

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
  const files = new Map<Cluster, Contents>()
  const drafted: Drafted[] = []
  let pausedMs = clock?.now() ?? 0
  for (const request of requests) {
    if (clock !== undefined && clock.now() - pausedMs > atOnceMs) {
      await clock.sleep(0)
      pausedMs = clock.now()
    }
    const known = files.get(request.cluster) ?? (await valuesFiles(request.cluster, base, repo))
    files.set(request.cluster, known)
    drafted.push(known.size === 0 ? await unknownCluster(request, base, repo) : one(request, known, settings.settings))
  }
  return drafted
}

function one(request: DeployRequest, files: Contents, settings: Settings): Drafted {
  if (settings.clusters.get(request.cluster)?.freeze === true)
    return { kind: 'refused', request, problems: [frozen(request.cluster)] }
  const changed = change(request, files)
  if (changed.kind !== 'changed') return { ...changed, request }
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
  const tree = await repo.tree(base, `installations/${cluster}`)
  const values = [...tree].filter(([path, entry]) => path.endsWith('-values.yaml') && entry.mode.startsWith('100'))
  const blobs = await repo.read(values.map(([, entry]) => entry.oid))
  return new Map(
    values.flatMap(([path, entry]) => {
      const bytes = blobs.get(entry.oid)
      return bytes === undefined ? [] : [[path, bytes] as const]
    }),
  )
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
export function frozen(cluster: Cluster): Problem {
  return {
    code: 'CLUSTER_FROZEN',
    message: `the cluster ${cluster} is frozen`,
    hint: `Nothing was changed. Take out "freeze: true" of clusters.${cluster} in mygitops.yaml when deploys may go on.`,
  }
}
