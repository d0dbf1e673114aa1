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
import { type Asked, parseAsked } from '../request/request.ts'
import type { Desk } from './desk.ts'
import type { Known, Listing } from './memory.ts'
import type { Asking, Once } from './once.ts'
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
    const parsed = parseAsked(request.body)
    if (parsed.kind === 'refused') {
      const problem = problemsOf(parsed.problems)
      return reply.code(problem.status).type('application/problem+json').send(problem)
    }
    const accepted = await desk.accept(asking(request, parsed.asked), onceOf(request))
    const { id } = accepted.request
    void reply.header('location', `/v1/deploys/${id}`)
    return answer(id, { desk, reply, waitMs })
  })
  app.get<{ Querystring: ListQuery }>('/v1/deploys', async ({ query }) => {
    const listing = listingOf(query)
    const deploys = await desk.list(listing)
    const last = deploys.length < listing.limit ? undefined : deploys.at(-1)
    return { deploys: deploys.map(shown), ...(last === undefined ? {} : { next: last.request.id }) }
  })
  app.get<{ Params: { id: string }; Querystring: Query }>('/v1/deploys/:id', async (request, reply) =>
    answer(idOf(request.params), { desk, reply, waitMs: waitOf(request.query) }),
  )
  app.delete<{ Params: { id: string } }>('/v1/deploys/:id', async ({ params }) => {
    const known = await desk.cancel(idOf(params))
    if (known?.verdict === undefined) throw unknown(params.id)
    return known.verdict
  })
}

/** What is asked for, with who asks. */
function asking(_: FastifyRequest, asked: Asked): Asking {
  return asked
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

function listingOf({ cluster, release, limit = '50', cursor }: ListQuery): Listing {
  const most = Number(limit)
  if (!Number.isInteger(most) || most < 1 || most > 1_000) throw invalid(`limit=${limit} is no number from 1 to 1000`)
  const before = cursor === undefined ? undefined : parseRequestId(cursor)
  if (cursor !== undefined && before === undefined) throw invalid('the cursor is none of an earlier answer')
  const parsed = cluster === undefined ? undefined : parseCluster(cluster)
  if (cluster !== undefined && parsed === undefined) throw invalid('this is no cluster name')
  return { cluster: parsed, release, before, limit: most }
}

type Course = { readonly desk: Desk; readonly reply: FastifyReply; readonly waitMs: number }

async function answer(id: RequestId, { desk, reply, waitMs }: Course): Promise<unknown> {
  const found = await desk.verdict(id, waitMs)
  if (found === undefined) throw unknown(id)
  const { request, commit, verdict } = found
  // Asked for the record of a deploy, its failure is an answer, not an error; who waits for it wants curl --fail to fail.
  if (verdict !== undefined) return reply.code(waitMs > 0 ? statusOf(verdict) : 200).send(verdict)
  return reply.code(202).send(waiting(request, commit))
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
