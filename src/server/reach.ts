/**
 * Which releases of a cluster a caller may see or change. What they may not is as if it were not there: who may do
 * nothing on a cluster is denied the same way whether it exists or not, and names are told to those who may read them.
 *
 * @module
 */
import type { Verb } from '../access/grant.ts'
import type { Fed } from '../deploy/fed.ts'
import type { Overview } from '../deploy/overview.ts'
import { MgoError } from '../error.ts'
import { didYouMean } from '../manifest/nearest.ts'
import type { Cluster, Commit } from '../release/ids.ts'
import type { Caller } from './caller.ts'

export type Reach = {
  readonly cluster: Cluster
  readonly commit: Commit
  /** The releases of the repo that they may do it to. */
  readonly fed: readonly Fed[]
  /** Whether it is all of the cluster, whatever is in the repo. */
  readonly isWhole: boolean
}

/** Whether somebody may do something to one release: because of its name, or of a source that feeds it. */
export function reaches(caller: Pick<Caller, 'may'>, verb: Verb, { release, cluster, images }: Fed): boolean {
  if (images.size === 0) return caller.may({ verb, cluster, release })
  return [...images].some(([source, image]) =>
    // Which image somebody goes back to is not known yet; it is asked about when it is.
    caller.may({ verb, cluster, release, source, ...(verb === 'read' ? { image } : {}) }),
  )
}

type Reaching = { readonly caller: Caller; readonly overview: Overview; readonly commit?: Commit }

/** What a caller may do on a cluster, by default at the newest commit. Throws FORBIDDEN, CLUSTER_UNKNOWN, GIT_*. */
export async function reachOn(
  cluster: Cluster,
  verb: Verb,
  { caller, overview, commit: at }: Reaching,
): Promise<Reach> {
  const commit = at ?? (await overview.tip())
  const fed = (await overview.fed(commit, cluster)).filter((one) => reaches(caller, verb, one))
  const isWhole = caller.may({ verb, cluster })
  if (fed.length === 0 && !isWhole) caller.allow({ verb, cluster })
  if (fed.length > 0) return { cluster, commit, fed, isWhole }
  const clusters = await overview.clusters(commit)
  if (clusters.includes(cluster)) return { cluster, commit, fed, isWhole }
  throw new MgoError({
    code: 'CLUSTER_UNKNOWN',
    message: `the repo has no cluster ${cluster}`,
    hint: didYouMean(
      cluster,
      clusters.filter((one) => caller.may({ verb, cluster: one })),
    ),
  })
}

/** A release that is not there, or not for them. */
export function unknownRelease(name: string, { cluster, fed }: Reach): MgoError {
  return new MgoError({
    code: 'RELEASE_UNKNOWN',
    message: `${cluster} has no release ${JSON.stringify(name.slice(0, 120))}`,
    hint: didYouMean(
      name,
      fed.map(({ release }) => release),
    ),
  })
}
