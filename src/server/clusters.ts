/**
 * How the releases of a cluster stand, and what a sync would change there: for those who have no kubeconfig. Read only.
 *
 * @module
 */
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { Compared } from '../deploy/compare.ts'
import { isNamed } from '../deploy/fed.ts'
import { type Lanes, lanes } from '../deploy/lane.ts'
import { type Standing, states } from '../deploy/standing.ts'
import { MgoError } from '../error.ts'
import type { Difference } from '../plan/diff.ts'
import { type Cluster, parseCluster } from '../release/ids.ts'
import { printImage } from '../release/image.ts'
import { commit, evidence, failure, json, named, object, time } from './shapes.ts'
import { callerOf } from './auth.ts'
import { type ClusterListOptions, clusterListRoute } from './cluster-list.ts'
import { type Reach, reachOn, unknownRelease } from './reach.ts'
import { addRoute, textAs } from './route.ts'

/** A release as git says it, beside how it stands. */
type Told = Standing & {
  readonly name: string
  readonly namespace?: string
  readonly file?: string
  readonly images: readonly { readonly source: string; readonly image: string }[]
}

const onCluster = z.object({
  cluster: textAs(parseCluster, 'it is no name of a cluster').describe('The folder below installations/.'),
})
const release = object<Told>()('Release', {
  release: z.string().describe('NAMESPACE/NAME, or the file of raw manifests.'),
  namespace: z.string().optional(),
  name: z.string(),
  cluster: z.string(),
  file: z.string().optional().describe('Its file in the repo; absent where the repo asks for it no longer.'),
  images: z.array(z.object({ source: z.string(), image: z.string() })).describe('What the repo asks for.'),
  runs: z.array(z.string()).describe('What the cluster was given.'),
  state: z.enum(states).describe('docs/errors.md explains each.'),
  says: z.string().describe('One sentence: why it is in this state.'),
  code: z.string().optional(),
  hint: z.string().optional(),
  evidence: z.array(evidence).optional(),
  revision: z.int().optional(),
  stamp: z.string().optional().describe('The hash of all that shaped the revision, where mgo made it.'),
  since: time.optional(),
  by: z.string().optional().describe('Who last changed its file.'),
  at: time.optional(),
  commit: z.string().optional(),
  subject: z.string().optional(),
  request: z.string().optional(),
})
const difference = object<Difference>()('Difference', {
  kind: z.enum(['added', 'changed', 'removed']),
  object: z.string(),
  text: z.string().describe('A unified diff; secrets are masked.'),
})
const planned = object<Compared>()('PlannedRelease', {
  unit: z.string(),
  kind: z.enum(['apply', 'keep', 'prune']).describe('What a sync would do with it.'),
  reason: z.string(),
  differences: z.array(difference),
})

const releasesRoute = {
  method: 'GET',
  path: '/v1/clusters/{cluster}/releases',
  name: 'listReleases',
  does: 'How the releases of a cluster stand, as far as the caller may read them.',
  more: 'What git asks for, what the cluster has, and whether it works: what `mgo status` says.',
  params: onCluster,
  query: z.object({
    release: z.string().optional().describe('Only this one: NAMESPACE/NAME, or the name where it is the only one.'),
    quick: z
      .enum(['true', 'false'], { error: 'it is neither true nor false' })
      .optional()
      .describe('true: do not look at the pods.'),
  }),
  answers: {
    200: {
      means: 'The releases.',
      contents: json(named('Releases', z.object({ cluster: z.string(), commit, releases: z.array(release) }))),
    },
    default: failure,
  },
} as const

const planRoute = {
  method: 'GET',
  path: '/v1/clusters/{cluster}/plan',
  name: 'plan',
  does: 'What a sync of the branch would change now, against the live cluster; secrets are masked.',
  more: 'One at a time for each cluster: 429 with Retry-After where one is being made.',
  params: onCluster,
  answers: {
    200: {
      means: 'What `mgo diff` says.',
      contents: json(
        named('Plan', z.object({ cluster: z.string(), commit, differs: z.boolean(), units: z.array(planned) })),
      ),
    },
    default: failure,
  },
} as const

/** Milliseconds that an answer may take; what it takes longer is thrown away. */
const standingMs = 60_000
const planMs = 120_000
/** Looks at one cluster side by side; a cluster that is silent holds up nobody who asks about another. */
const width = 4

/** Adds the routes. */
export function clusterRoutes(app: FastifyInstance, { desk, overview }: ClusterListOptions): void {
  clusterListRoute(app, { desk, overview })
  const looks = sharing()
  const plans = new Set<Cluster>()
  addRoute(app, releasesRoute, async ({ params: { cluster }, query, request }) => {
    const caller = callerOf(request)
    const reach = await reachOn(cluster, 'read', { caller, overview })
    const name = query.release
    const look = query.quick !== 'true'
    const only = (one: string) => name === undefined || isNamed(one, name)
    // Who asks the same at the same time shares one look; what each may see of it is their own.
    const key = JSON.stringify([reach.commit, look, name])
    const all = looks(cluster, key, () => overview.standing(cluster, { commit: reach.commit, look, only }))
    const rows = (await inTime(all, cluster, standingMs)).filter((one) => sees(reach, one.release))
    if (name !== undefined) checkOne(name, rows, reach)
    return { cluster, commit: reach.commit, releases: rows.map((row) => told(row, reach)) }
  })
  addRoute(app, planRoute, async ({ params: { cluster }, request }) => {
    const reach = await reachOn(cluster, 'read', { caller: callerOf(request), overview })
    if (plans.has(cluster)) throw busy(cluster)
    plans.add(cluster)
    const only = (one: string) => sees(reach, one)
    const work = overview.compare(cluster, { commit: reach.commit, only }).finally(() => plans.delete(cluster))
    const units = await inTime(work, cluster, planMs).catch((error: unknown) => {
      throw veiled(error, reach)
    })
    const differs = units.some(({ kind, differences }) => kind === 'prune' || differences.length > 0)
    return { cluster, commit: reach.commit, differs, units }
  })
}

/** What is in no file is for those who may read all of the cluster. */
function sees({ fed, isWhole }: Reach, name: string): boolean {
  return isWhole || fed.some((one) => one.release === name)
}

function checkOne(name: string, rows: readonly Standing[], reach: Reach): void {
  if (rows.length === 0) throw unknownRelease(name, reach)
  if (rows.length === 1) return
  throw new MgoError({
    code: 'USAGE',
    message: `${reach.cluster} has more than one release ${JSON.stringify(name)}`,
    hint: `Say which: ${rows.map((one) => one.release).join(', ')}.`,
  })
}

function told(row: Standing, { fed }: Reach): Told {
  const one = fed.find(({ release: each }) => each === row.release)
  const [first = '', second] = row.release.split('/')
  return {
    ...row,
    ...(second === undefined ? { name: first } : { namespace: first, name: second }),
    ...(one === undefined ? {} : { file: one.file }),
    images: [...(one?.images ?? [])].map(([source, image]) => ({ source, image: printImage(image) })),
  }
}

/** What is wrong with a file of others is for those who may read it. */
function veiled(error: unknown, { cluster, isWhole }: Reach): unknown {
  if (isWhole || !(error instanceof MgoError) || error.code !== 'REPO_INVALID') return error
  return new MgoError({
    code: 'REPO_INVALID',
    message: `a file of ${cluster} cannot be read, so there is no plan`,
    hint: 'Which one is not for this identity to read.',
  })
}

/** The same work at the same time is done once. */
function sharing() {
  type Looking = Promise<readonly Standing[]>
  const clusters = new Map<Cluster, { readonly lane: Lanes; readonly underWay: Map<string, Looking> }>()
  return (cluster: Cluster, key: string, work: () => Looking): Looking => {
    const here = clusters.get(cluster) ?? { lane: lanes(width), underWay: new Map<string, Looking>() }
    clusters.set(cluster, here)
    const known = here.underWay.get(key)
    if (known !== undefined) return known
    const mine = here.lane(key, work).finally(() => here.underWay.delete(key))
    here.underWay.set(key, mine)
    return mine
  }
}

async function inTime<T>(work: Promise<T>, cluster: Cluster, ms: number): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(slow(cluster, ms)), ms)
  try {
    return await Promise.race([work, late.promise])
  } finally {
    clearTimeout(timer)
    // An error that comes after nobody waits any more is nobody's.
    work.catch(() => undefined)
  }
}

function slow(cluster: Cluster, ms: number): MgoError {
  return new MgoError({
    code: 'CLUSTER_SLOW',
    message: `${cluster} took longer than ${ms / 1000} s to answer`,
    hint: 'Ask again, or for one release: ?release=NAMESPACE/NAME.',
  })
}

function busy(cluster: Cluster): MgoError {
  return new MgoError({
    code: 'CLUSTER_BUSY',
    message: `a plan of ${cluster} is being made already`,
    hint: 'One at a time is enough; ask again in a few seconds.',
  })
}
