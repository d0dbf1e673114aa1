/**
 * `GET /v1/clusters`: which clusters there are, whether they answer, and what is to be done for them.
 *
 * @module
 */
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { Overview } from '../deploy/overview.ts'
import { conditions, type Wellbeing } from '../deploy/wellbeing.ts'
import type { Cluster, Commit } from '../release/ids.ts'
import { callerOf } from './auth.ts'
import type { Caller } from './caller.ts'
import type { Desk } from './desk.ts'
import { reaches } from './reach.ts'
import { addRoute } from './route.ts'
import { commit, failure, json, named, object, time } from './shapes.ts'
import type { ClusterLoad } from './work.ts'

type Told = Wellbeing & ClusterLoad

const count = z.int().min(0)
const load = named('ApiLoad', z.object({ inUse: count, limit: count, waiting: count }))
const one = object<Told>()('Cluster', {
  cluster: z.string().describe('The folder below installations/.'),
  state: z
    .enum(conditions)
    .describe('silent: its API server does not answer; unusable: the kubeconfig has no way to it.'),
  says: z.string().describe('One sentence: why it is in this state.'),
  since: time.optional().describe('Since when it is silent.'),
  code: z.string().optional(),
  hint: z.string().optional(),
  requests: load.optional().describe('Requests under way on its API server, and how many there may be at once.'),
  queued: count.describe('Deploys that wait for their commit.'),
  underWay: count.describe('Deploys that have their commit and no verdict yet.'),
})

const route = {
  method: 'GET',
  path: '/v1/clusters',
  name: 'listClusters',
  does: 'The clusters of the repo, as far as the caller may read them: whether they answer, and what is to be done for them.',
  more: 'Each is asked for next to nothing, and has two seconds. Git is not asked: it counts as last seen.',
  answers: {
    200: {
      means: 'The clusters, by name.',
      contents: json(named('Clusters', z.object({ commit, clusters: z.array(one) }))),
    },
    default: failure,
  },
} as const

export type ClusterListOptions = { readonly desk: Pick<Desk, 'loads'>; readonly overview: Overview }

/** Adds the route. */
export function clusterListRoute(app: FastifyInstance, { desk, overview }: ClusterListOptions): void {
  addRoute(app, route, async ({ request }) => {
    const caller = callerOf(request)
    const at = (await overview.lastTip()) ?? (await overview.tip())
    const mine = await readable(at, caller, overview)
    const loads = desk.loads()
    const clusters = (await overview.wellbeing(mine, at)).map((found) => ({
      ...(caller.may({ verb: 'read', cluster: found.cluster }) ? found : inShort(found)),
      ...(loads.get(found.cluster) ?? { queued: 0, underWay: 0 }),
    }))
    return { commit: at, clusters }
  })
}

/** Those of which the caller may read something. */
async function readable(at: Commit, caller: Caller, overview: Overview): Promise<readonly Cluster[]> {
  const all = [...(await overview.clusters(at))].toSorted()
  const found = await Promise.all(
    all.map(async (cluster) => {
      if (caller.may({ verb: 'read', cluster })) return [cluster]
      return (await overview.fed(at, cluster)).some((fed) => reaches(caller, 'read', fed)) ? [cluster] : []
    }),
  )
  return found.flat()
}

/** Addresses and files of the server are for those who may read all of the cluster. */
function inShort({ cluster, state, since, code }: Wellbeing): Wellbeing {
  const says = `it is ${state}`
  return { cluster, state, says, ...(since === undefined ? {} : { since }), ...(code === undefined ? {} : { code }) }
}
