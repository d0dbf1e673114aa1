/**
 * Which requests lie in the branch already: found by their trailer, never by what memory says.
 *
 * @module
 */
import type { Repo, World } from '../ports.ts'
import type { Commit, RequestId } from '../release/ids.ts'
import type { DeployRequest } from '../release/request.ts'
import { draft } from './draft.ts'
import { type Committed, nameOf, type Outcome } from './outcome.ts'
import type { Queued } from './waiting.ts'

/** Looks for those that may have been pushed, from the tip that their push stood upon. Asks the remote. Throws GIT_*. */
export async function look(
  doubtful: readonly Queued[],
  repo: Pick<Repo, 'fetch' | 'requestsIn'>,
): Promise<ReadonlyMap<RequestId, Commit>> {
  return doubtful.length === 0 ? new Map() : lookBelow(await repo.fetch(), doubtful, repo)
}

/** The same below a tip that was fetched already. */
export async function lookBelow(
  tip: Commit | undefined,
  doubtful: readonly Queued[],
  repo: Pick<Repo, 'requestsIn'>,
): Promise<ReadonlyMap<RequestId, Commit>> {
  const landed = new Map<RequestId, Commit>()
  const bases = new Set(doubtful.map(({ base }) => base))
  for (const base of bases) {
    if (tip === undefined || tip === base) continue
    // A base that this copy of the repo does not have, as after a new clone, is no base: the whole history is looked at.
    const found = await repo.requestsIn(base, tip).catch(() => repo.requestsIn(undefined, tip))
    for (const { request, base: own } of doubtful) {
      const commit = own === base ? found.get(request.id) : undefined
      if (commit !== undefined) landed.set(request.id, commit)
    }
  }
  return landed
}

/** What was found in the branch: its commit is made, whatever became of the answer. */
export async function tellLanded(
  landed: ReadonlyMap<RequestId, Commit>,
  batch: readonly Queued[],
  { repo, tell }: Pick<World, 'repo' | 'tell'>,
): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = []
  for (const { request } of batch) {
    const commit = landed.get(request.id)
    if (commit === undefined) continue
    const outcome = await pushedBefore(request, commit, repo)
    tell({ kind: 'committed', id: request.id, commit, files: [], releases: outcome.releases.map(nameOf) })
    outcomes.push(outcome)
  }
  return outcomes
}

/** The outcome of a request whose commit is in the branch. Upon that commit the request changes nothing, and so names its releases. */
export async function pushedBefore(request: DeployRequest, commit: Commit, repo: Repo): Promise<Committed> {
  const [drafted] = await draft([request], commit, { repo })
  const releases = drafted?.kind === 'unchanged' ? drafted.releases : []
  return { kind: 'committed', request, commit, tip: commit, releases }
}
