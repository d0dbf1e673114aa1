/**
 * Deploys as JSON: accepted with 202 once they are on disk, or answered with the verdict where the caller waits.
 *
 * @module
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { MgoError } from '../error.ts'
import { parseDuration } from '../manifest/header.ts'
import { parseCluster, parseRequestId, type RequestId } from '../release/ids.ts'
import { printImage } from '../release/image.ts'
import { showAuthor } from '../request/author.ts'
import { parseAsked } from '../request/request.ts'
import { callerOf } from './auth.ts'
import type { Caller } from './caller.ts'
import type { Desk } from './desk.ts'
import type { Known, Listing } from './memory.ts'
import type { Once } from './once.ts'
import { problemsOf, statusOf } from './problem.ts'

/** Longer waits are cut to this: proxies in between end them anyway. */
const longestWaitMs = 10 * 60 * 1000

type Query = { readonly wait?: string }
type ListQuery = {
  readonly cluster?: string
  readonly release?: string
  readonly limit?: string
  readonly cursor?: string
}

/** Adds the routes below /v1/deploys. */
export function deployRoutes(app: FastifyInstance, desk: Desk): void {
  app.post<{ Querystring: Query; Body: unknown }>('/v1/deploys', async (request, reply) => {
    const waitMs = waitOf(request.query)
    const caller = callerOf(request)
    const parsed = parseAsked(request.body, caller.author)
    if (parsed.kind === 'refused') {
      const problem = problemsOf(parsed.problems)
      return reply.code(problem.status).type('application/problem+json').send(problem)
    }
    const accepted = await desk.accept(caller.stamp(parsed.asked), onceOf(request))
    const { id } = accepted.request
    void reply.header('location', `/v1/deploys/${id}`)
    if (accepted.kind === 'new' && waitMs === 0) return reply.code(202).send(waiting(accepted.request, undefined))
    return answer(id, { desk, reply, waitMs, caller })
  })
  app.get<{ Querystring: ListQuery }>('/v1/deploys', async (request) => {
    const { deploys, next } = await seen(listingOf(request.query), desk, callerOf(request))
    return { deploys: deploys.map(shown), ...(next === undefined ? {} : { next }) }
  })
  app.get<{ Params: { id: string }; Querystring: Query }>('/v1/deploys/:id', async (request, reply) =>
    answer(idOf(request.params), { desk, reply, waitMs: waitOf(request.query), caller: callerOf(request) }),
  )
  app.delete<{ Params: { id: string } }>('/v1/deploys/:id', async (request) => {
    const caller = callerOf(request)
    const { id, cluster, source, image, principal } = (await known(idOf(request.params), desk, caller)).request
    if (principal !== caller.principal) caller.allow({ verb: 'deploy', cluster, source, image })
    const cancelled = await desk.cancel(id)
    if (cancelled?.verdict === undefined) throw unknown(id)
    return cancelled.verdict
  })
}

function onceOf({ headers }: FastifyRequest): Once | undefined {
  const key = headers['idempotency-key']
  return key === undefined ? undefined : { key: String(key) }
}

/** Reads the id in an address. Throws REQUEST_UNKNOWN. */
export function idOf(params: { readonly id: string }): RequestId {
  const id = parseRequestId(params.id)
  if (id === undefined) throw unknown(params.id)
  return id
}

/**
 * What is known of a request now. What the caller may not see is as if there were none, and not waited for either.
 *
 * @throws MgoError REQUEST_UNKNOWN
 */
export async function known(id: RequestId, desk: Pick<Desk, 'verdict'>, caller: Caller): Promise<Known> {
  const found = await desk.verdict(id, 0)
  if (found === undefined || !caller.sees(found.request)) throw unknown(id)
  return found
}

function listingOf({ cluster, release, limit = '50', cursor }: ListQuery): Listing {
  const most = Number(limit)
  if (!Number.isInteger(most) || most < 1 || most > 1_000) throw invalid(`limit=${limit} is no number from 1 to 1000`)
  const before = cursor === undefined ? undefined : parseRequestId(cursor)
  if (cursor !== undefined && before === undefined) throw invalid('the cursor is none of an earlier answer')
  const parsed = cluster === undefined ? undefined : parseCluster(cluster)
  if (cluster !== undefined && parsed === undefined) throw invalid('this is no cluster name')
  return { cluster: parsed, release, before, limit: most }
}

type Course = {
  readonly desk: Desk
  readonly reply: FastifyReply
  readonly waitMs: number
  readonly caller: Caller
}

async function answer(id: RequestId, { desk, reply, waitMs, caller }: Course): Promise<unknown> {
  const now = await known(id, desk, caller)
  const { request, commit, verdict } = now.verdict === undefined ? ((await desk.verdict(id, waitMs)) ?? now) : now
  // Asked for the record of a deploy, its failure is an answer, not an error; who waits for it wants curl --fail to fail.
  if (verdict !== undefined) return reply.code(waitMs > 0 ? statusOf(verdict) : 200).send(caller.shown(verdict))
  return reply.code(202).send(waiting(request, commit))
}

/** Pages that are read at most to fill one answer. */
const mostPages = 20

/** What the caller may see of a listing. `next` is where the next page begins, where there may be one. */
async function seen(listing: Listing, desk: Desk, caller: Caller) {
  const deploys: Known[] = []
  let before = listing.before
  for (let page = 0; page < mostPages; page++) {
    const some = await desk.list({ ...listing, before })
    deploys.push(...some.filter(({ request }) => caller.sees(request)).slice(0, listing.limit - deploys.length))
    before = deploys.length < listing.limit ? some.at(-1)?.request.id : deploys.at(-1)?.request.id
    if (some.length < listing.limit && deploys.length < listing.limit) return { deploys }
    if (deploys.length >= listing.limit) break
  }
  return { deploys, next: before }
}

/** A deploy in a list: its verdict, or what it waits for. */
function shown({ request, commit, verdict }: Known) {
  const { source, image, author, acceptedAt } = request
  return {
    ...(verdict ?? waiting(request, commit)),
    source,
    image: printImage(image),
    author: showAuthor(author),
    acceptedAt: new Date(acceptedAt).toISOString(),
  }
}

function waiting({ id, cluster, source, image, author }: Known['request'], commit: Known['commit']) {
  return {
    id,
    status: 'accepted',
    cluster,
    source,
    image: printImage(image),
    author: showAuthor(author),
    ...(commit === undefined ? {} : { commit }),
  }
}

function waitOf({ wait }: Query): number {
  if (wait === undefined) return 0
  const ms = parseDuration(wait)
  if (ms === undefined) throw invalid(`wait=${JSON.stringify(wait.slice(0, 40))} is no duration such as 120s`)
  return Math.min(ms, longestWaitMs)
}

function invalid(message: string): MgoError {
  return new MgoError({ code: 'REQUEST_INVALID', message: message.slice(0, 200), hint: 'See docs/api.md.' })
}

/** No such request. */
export function unknown(id: string): MgoError {
  return new MgoError({
    code: 'REQUEST_UNKNOWN',
    message: `there is no request ${JSON.stringify(id.slice(0, 40))}`,
    hint: 'Its id is in the answer to POST /v1/deploys, and in the commit’s trailer Mgo-Request.',
  })
}
