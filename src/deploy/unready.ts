/**
 * What would stop a deploy after its commit is found before it: no context for the cluster in the kubeconfig, no helm.
 *
 * A cluster that does not answer is no reason to refuse: the commit is what counts, and the next sync brings it there.
 *
 * @module
 */
import { MgoError, type Problem } from '../error.ts'
import { clusterDefaults } from '../manifest/settings.ts'
import type { World } from '../ports.ts'
import type { Cluster, Commit, RequestId } from '../release/ids.ts'
import { readSettings } from './draft.ts'
import type { Queued } from './waiting.ts'

/** The requests of a batch that cannot be brought to their cluster, and why. Each cluster is looked at once. */
export async function unready(batch: readonly Queued[], world: World): Promise<ReadonlyMap<RequestId, Problem>> {
  const asked = batch.filter(({ commitOnly }) => commitOnly !== true)
  const tip = asked.length === 0 ? undefined : await world.repo.tip()
  if (tip === undefined) return new Map()
  const clusters = [...new Set(asked.map(({ request }) => request.cluster))]
  const found = new Map(
    await Promise.all(clusters.map(async (cluster) => [cluster, await problemOf(cluster, tip, world)] as const)),
  )
  return new Map(
    asked.flatMap(({ request }) => {
      const problem = found.get(request.cluster)
      return problem === undefined ? [] : [[request.id, problem] as const]
    }),
  )
}

async function problemOf(cluster: Cluster, tip: Commit, world: World): Promise<Problem | undefined> {
  try {
    await canBring(cluster, tip, world)
    return undefined
  } catch (error) {
    if (!(error instanceof MgoError) || error.code.startsWith('GIT_')) return undefined
    return { code: error.code, message: `${error.message}; nothing was committed`, hint: error.hint }
  }
}

async function canBring(cluster: Cluster, tip: Commit, world: World): Promise<void> {
  const read = await readSettings(tip, world.repo)
  if (read.kind === 'refused' || (await world.repo.tree(tip, `installations/${cluster}`)).size === 0) return
  const { context, engine } = read.settings.clusters.get(cluster) ?? clusterDefaults(cluster)
  for (const one of world.engines) await one.check()
  if (engine !== 'render') await world.kube(context)
}
