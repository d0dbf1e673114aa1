/**
 * `POST /v1/rollbacks`: the image that a release had before, as a request like any other. Which image that is, is found
 * once, before the request is kept; from then on it is a deploy (docs/decisions/0012). Where git is away, it is found at the
 * newest commit that was seen (docs/decisions/0103).
 *
 * @module
 */
import type { FastifyInstance } from 'fastify'
import type { Overview } from '../deploy/overview.ts'
import type { Earlier } from '../deploy/rollback.ts'
import { isPassing } from '../deploy/fault.ts'
import { isNamed } from '../deploy/fed.ts'
import { MgoError } from '../error.ts'
import { didYouMean } from '../manifest/nearest.ts'
import type { Commit } from '../release/ids.ts'
import { parseRollback, type RollbackAsked, rollbackShape } from '../request/rollback.ts'
import { answer, answers, keyHeader, onceOf, refusal, waits } from './answer.ts'
import { json, named } from './shapes.ts'
import { callerOf } from './auth.ts'
import type { Caller } from './caller.ts'
import type { Accepted, Desk } from './desk.ts'
import type { Asking, Question } from './once.ts'
import { type Reach, reachOn, unknownRelease } from './reach.ts'
import { addRoute } from './route.ts'

const route = {
  method: 'POST',
  path: '/v1/rollbacks',
  name: 'rollBack',
  does: 'Goes back to the image that a release had before, as a new commit; then as a deploy.',
  more: 'The answer is that of POST /v1/deploys, and so is everything after it. Without a key, going back twice is going forth. While git is away, it is the image before the newest commit that was seen.',
  query: waits,
  headers: keyHeader,
  body: json(named('RollbackRequest', rollbackShape)),
  answers,
} as const

type Options = { readonly desk: Desk; readonly overview: Overview }

/** Adds the route. */
export function rollbackRoute(app: FastifyInstance, { desk, overview }: Options): void {
  addRoute(app, route, async ({ query, request, reply }) => {
    const caller = callerOf(request)
    const parsed = parseRollback(request.body, caller.author)
    if (parsed.kind === 'refused') throw refusal(parsed.problems)
    const { asked } = parsed
    // The same key stands for the same question: what its answer was then, the repo may not say again.
    const key = onceOf(request)
    const once = key === undefined ? undefined : { ...key, of: ['rollback', asked] }
    const { id } = (await goBack(asked, once, { desk, overview, caller })).request
    void reply.header('location', `/v1/deploys/${id}`)
    return answer(id, { desk, reply, waitMs: query.wait, caller })
  })
}

type Course = Options & { readonly caller: Caller }

async function goBack(asked: RollbackAsked, once: Question | undefined, course: Course): Promise<Accepted> {
  const { desk, overview, caller } = course
  const before = once === undefined ? undefined : await desk.again(caller.principal, once)
  if (before !== undefined) return before
  const latest = await overview.latest().catch(unseen)
  const asking = await resolved(asked, latest.commit, course).catch((error: unknown) => {
    throw latest.git === 'away' ? asOf(latest.commit, error) : error
  })
  return desk.accept(latest.git === 'away' ? { ...asking, git: 'away' } : asking, once)
}

/** The request that goes back from what a commit has. Who asks is let in for the release first, for the image once it is known. */
async function resolved(asked: RollbackAsked, commit: Commit, { overview, caller }: Course): Promise<Asking> {
  const reach = await reachOn(asked.cluster, 'rollback', { caller, overview, commit })
  const release = releaseOf(asked, reach)
  const { cluster, source, to, author } = asked
  if (source !== undefined) caller.allow({ verb: 'rollback', cluster, release, source })
  // Of a release that others feed, too, only the images that are theirs go back.
  const may = (one: string) => caller.may({ verb: 'rollback', cluster, release, source: one })
  const found = await overview.earlier({ release, source, cluster, to, may }, commit)
  const { source: of, image } = onlyImage(found, release)
  const stamped = caller.stamp({ cluster, source: of, image, author }, 'rollback')
  return { ...stamped, backTo: found.from.commit, backFrom: found.now }
}

/** Nothing was seen of the branch since the start. A deploy names its image itself, so it need not know what was before. */
function unseen(error: unknown): never {
  if (!(error instanceof MgoError) || !isPassing(error)) throw error
  const { code, message, hint } = error
  throw new MgoError({ code, message, hint: `${hint} A deploy that names the image is kept until git is back.` })
}

/** The branch may know better by now. What somebody may not do is told in the same words as ever. */
function asOf(commit: Commit, error: unknown): unknown {
  if (!(error instanceof MgoError) || error.code === 'FORBIDDEN') return error
  const { code, message, hint } = error
  const when = `Git is away: this counts for the commit ${commit.slice(0, 12)}, the newest that this server has seen.`
  return new MgoError({ code, message, hint: `${hint} ${when}` })
}

/** Of what the caller may roll back, the release that is meant. */
function releaseOf({ release: name, source, cluster }: RollbackAsked, reach: Reach): string {
  const charts = reach.fed.filter(({ kind }) => kind === 'chart')
  const found = charts.filter(
    ({ release, images }) =>
      (name === undefined || isNamed(release, name)) && (source === undefined || images.has(source)),
  )
  const [first, second] = found
  if (first !== undefined && (second === undefined || name === undefined)) return first.release
  if (first !== undefined)
    throw new MgoError({
      code: 'USAGE',
      message: `${cluster} has more than one release ${JSON.stringify(name)}`,
      hint: `Say which: ${found.map(({ release }) => release).join(', ')}.`,
    })
  const isThere = name !== undefined && charts.some(({ release }) => isNamed(release, name))
  if (name !== undefined && !isThere) throw unknownRelease(name, reach)
  const sources = charts.filter(({ release }) => name === undefined || isNamed(release, name))
  throw new MgoError({
    code: 'SOURCE_UNKNOWN',
    message: `no values file of ${cluster}${name === undefined ? '' : ` for ${name}`} names the source ${source ?? ''}`,
    hint: didYouMean(
      source ?? '',
      sources.flatMap(({ images }) => [...images.keys()]),
    ),
  })
}

/** One request has one verdict. */
function onlyImage({ images, from }: Earlier, release: string) {
  const [[source, image] = [], second] = images
  if (source !== undefined && image !== undefined && second === undefined) return { source, image }
  throw new MgoError({
    code: 'REQUEST_INVALID',
    message: `${release} had ${images.size} other images at ${from.commit.slice(0, 12)}, and one request is for one`,
    hint: `Name a source with it, once for each: ${[...images.keys()].join(', ')}.`,
  })
}
