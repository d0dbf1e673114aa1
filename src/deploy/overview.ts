/**
 * What a server tells of its clusters to those who have no kubeconfig: how releases stand, what a sync would change, what
 * a release had before. Nothing here writes.
 *
 * @module
 */
import { MgoError } from '../error.ts'
import { clustersOf } from '../manifest/layout.ts'
import type { World } from '../ports.ts'
import type { Cluster, Commit } from '../release/ids.ts'
import { compare, type Compared, type CompareOf } from './compare.ts'
import { type Fed, type FedReader, fedReader } from './fed.ts'
import { earlier, type Earlier, type RollbackOf } from './rollback.ts'
import { standing, type Standing, type StandingOf } from './standing.ts'
import { type Latest, latestOf, tipOf } from './tip.ts'
import { type Wellbeing, wellbeing } from './wellbeing.ts'

export type Overview = {
  /** The newest commit of the branch. Throws GIT_*. */
  tip(): Promise<Commit>
  /** The same, or what was seen last where git is away. Throws GIT_* where nothing was seen yet. */
  latest(): Promise<Latest>
  /** The newest that is known; nobody is asked. */
  lastTip(): Promise<Commit | undefined>
  clusters(commit: Commit): Promise<readonly Cluster[]>
  readonly fed: FedReader
  /** How these clusters themselves are. */
  wellbeing(clusters: readonly Cluster[], commit: Commit): Promise<readonly Wellbeing[]>
  standing(cluster: Cluster, of: StandingOf): Promise<readonly Standing[]>
  compare(cluster: Cluster, of: CompareOf): Promise<readonly Compared[]>
  earlier(of: RollbackOf, commit: Commit): Promise<Earlier>
}

/** Opens it. `commitOnly`: the server was told to stay away from clusters, so git is all that it can say. */
export function openOverview(world: World, { commitOnly }: { readonly commitOnly: boolean }): Overview {
  const { repo } = world
  const fed = fedReader(repo)
  let asking: Promise<Commit> | undefined
  // Each asks the remote, one after the other; who comes meanwhile shares the answer.
  const tip = () => {
    asking ??= tipOf(repo).finally(() => {
      asking = undefined
    })
    return asking
  }
  return {
    tip,
    latest: () => latestOf(tip(), world),
    lastTip: () => repo.tip(),
    clusters: async (commit) => clustersOf((await repo.tree(commit, 'installations')).keys()),
    fed,
    async wellbeing(clusters, commit) {
      if (!commitOnly) return wellbeing(clusters, commit, world)
      return clusters.map((cluster) => ({ cluster, state: 'unseen', says: keepsAway }))
    },
    async standing(cluster, of) {
      if (!commitOnly) return standing(cluster, of, world)
      const all = await fed(of.commit, cluster)
      return all.filter(({ release }) => of.only?.(release) ?? true).map(unseen)
    },
    async compare(cluster, of) {
      if (!commitOnly) return compare(cluster, of, world)
      throw new MgoError({
        code: 'USAGE',
        message: 'this server commits only: there is no cluster that it could compare with',
        hint: 'Ask whatever brings the clusters to the repo, or run mgo diff where a kubeconfig is.',
      })
    },
    earlier: (of, commit) => earlier(of, commit, { repo, fed }),
  }
}

const keepsAway = 'this server commits only, and looks at no cluster'

function unseen({ release, cluster }: Fed): Standing {
  return { release, cluster, state: 'unseen', says: keepsAway, runs: [] }
}
