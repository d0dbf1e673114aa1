/**
 * How clusters themselves are: do they answer, since when not, and how much may be asked of them. Asks each for next to
 * nothing, and none for longer than a moment.
 *
 * @module
 */
import { MgoError } from '../error.ts'
import type { Load } from '../kube-port.ts'
import { clusterDefaults } from '../manifest/settings.ts'
import type { Kube, World } from '../ports.ts'
import type { Cluster, Commit } from '../release/ids.ts'
import { readSettings } from './draft.ts'
import { repoInvalid } from './survey.ts'

/** `unusable`: mgo has no way to it; `unseen`: mgo was told to stay away from it. */
export const conditions = ['reachable', 'silent', 'unusable', 'unseen'] as const

export type Wellbeing = {
  readonly cluster: Cluster
  readonly state: (typeof conditions)[number]
  /** One sentence: why it is in this state. */
  readonly says: string
  /** RFC 3339: since when it is silent. */
  readonly since?: string
  readonly code?: string
  readonly hint?: string
  /** Requests under way on its API server, and how many there may be: fewer where it said that it is busy. */
  readonly requests?: Load
}

/** How long a cluster may take to answer. Milliseconds. */
const patienceMs = 2_000

/** How clusters are. Throws GIT_*, REPO_INVALID (mygitops.yaml). */
export async function wellbeing(
  clusters: readonly Cluster[],
  commit: Commit,
  world: Pick<World, 'repo' | 'kube' | 'clock'>,
): Promise<readonly Wellbeing[]> {
  const read = await readSettings(commit, world.repo)
  if (read.kind === 'refused') throw repoInvalid(read.problems)
  return Promise.all(
    clusters.map(async (cluster): Promise<Wellbeing> => {
      const { context, engine } = read.settings.clusters.get(cluster) ?? clusterDefaults(cluster)
      if (engine === 'render') return { cluster, state: 'unseen', says: 'mgo only renders for it, and never asks it' }
      try {
        return { cluster, ...(await look(await world.kube(context), world)) }
      } catch (error) {
        if (!(error instanceof MgoError)) throw error
        const { code, message, hint } = error
        return { cluster, state: 'unusable', says: message, code, hint }
      }
    }),
  )
}

async function look(kube: Kube, { clock }: Pick<World, 'clock'>): Promise<Omit<Wellbeing, 'cluster'>> {
  const enough = new AbortController()
  const asked = kube.ping().then(
    () => 'answered' as const,
    () => 'failed' as const,
  )
  const found = await Promise.race([asked, clock.sleep(patienceMs, enough.signal).then(() => 'late' as const)])
  enough.abort()
  const { silentSince, why } = kube.hearing()
  const requests = kube.load()
  if (found === 'answered') return { state: 'reachable', says: 'it answers', requests }
  const since = silentSince === undefined ? {} : { since: new Date(silentSince).toISOString() }
  const says = why ?? `the API server ${kube.server} has not answered within ${patienceMs / 1000} s`
  const hint = 'Is the cluster up, and can this machine reach it? Its deploys wait for it until their time is up.'
  return { state: 'silent', says, ...since, code: 'KUBE_UNREACHABLE', hint, requests }
}
