/**
 * Deploys as JSON: accepted with 202 once they are on disk, or answered with the verdict where the caller waits.
 *
 * @module
 */
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { parseCluster, parseRequestId } from '../release/ids.ts'
import { printImage } from '../release/image.ts'
import { showAuthor } from '../request/author.ts'
import { askedShape, parseAsked } from '../request/request.ts'
import {
  answer,
  answers,
  byId,
  idOf,
  keyHeader,
  known,
  listed,
  onceOf,
  refusal,
  unended,
  unknown,
  waits,
} from './answer.ts'
import { failure, json, named, requestId, verdict } from './shapes.ts'
import { callerOf } from './auth.ts'
import type { Caller } from './caller.ts'
import type { Desk } from './desk.ts'
import type { Known, Listing } from './memory.ts'
import { addRoute, textAs, wholeNumber } from './route.ts'

/** A query that names a cluster. */
export const clusterWord = textAs(parseCluster, 'it is no name of a cluster')

const noLimit = 'it is no whole number from 1 to 1,000'
const listing = z.object({
  cluster: clusterWord.optional().describe('Only of this cluster.'),
  release: z.string().optional().describe('Only of this release: NAMESPACE/NAME.'),
  limit: wholeNumber(1, noLimit).max(1_000, { error: noLimit }).default(50).describe('As many at most, 50 by default.'),
  cursor: textAs(parseRequestId, 'it is none of an earlier answer').optional().describe('`next` of the page before.'),
})
const page = named('DeployPage', z.object({ deploys: z.array(listed), next: requestId.optional() }))

const postRoute = {
  method: 'POST',
  path: '/v1/deploys',
  name: 'deploy',
  does: 'Deploys an image: commits it, brings the cluster to it, and judges the new pods.',
  query: waits,
  headers: keyHeader,
  body: json(named('DeployRequest', askedShape)),
  answers,
} as const

const listRoute = {
  method: 'GET',
  path: '/v1/deploys',
  name: 'listDeploys',
  does: 'What was asked for, the newest first, as far as the caller may see it.',
  query: listing,
  answers: { 200: { means: 'A page.', contents: json(page) }, default: failure },
} as const

const getRoute = {
  method: 'GET',
  path: '/v1/deploys/{id}',
  name: 'getDeploy',
  does: 'The verdict of one request.',
  params: byId,
  query: waits,
  answers: { ...answers, 200: { means: 'The verdict.', contents: json(verdict) } },
} as const

const cancelRoute = {
  method: 'DELETE',
  path: '/v1/deploys/{id}',
  name: 'cancelDeploy',
  does: 'Cancels a request that has no commit yet.',
  params: byId,
  answers: { 200: { means: 'Its verdict: refused, REQUEST_CANCELLED.', contents: json(verdict) }, default: failure },
} as const

/** Adds the routes below /v1/deploys. */
export function deployRoutes(app: FastifyInstance, desk: Desk): void {
  addRoute(app, postRoute, async ({ query, request, reply }) => {
    const caller = callerOf(request)
    const parsed = parseAsked(request.body, caller.author)
    if (parsed.kind === 'refused') throw refusal(parsed.problems)
    const { kind, request: taken } = await desk.accept(caller.stamp(parsed.asked), onceOf(request))
    void reply.header('location', `/v1/deploys/${taken.id}`)
    if (kind === 'new' && query.wait === undefined) return reply.code(202).send(unended(taken, undefined))
    return answer(taken.id, { desk, reply, waitMs: query.wait, caller })
  })
  addRoute(app, listRoute, async ({ query: { cluster, release, limit, cursor: before }, request }) => {
    const { deploys, next } = await seen({ cluster, release, limit, before }, desk, callerOf(request))
    return { deploys: deploys.map(shown), ...(next === undefined ? {} : { next }) }
  })
  addRoute(app, getRoute, async ({ params, query, request, reply }) =>
    answer(idOf(params), { desk, reply, waitMs: query.wait, caller: callerOf(request) }),
  )
  addRoute(app, cancelRoute, async ({ params, request }) => {
    const caller = callerOf(request)
    const { id, cluster, source, image, principal } = (await known(idOf(params), desk, caller)).request
    if (principal !== caller.principal) caller.allow({ verb: 'deploy', cluster, source, image })
    const cancelled = await desk.cancel(id)
    if (cancelled?.verdict === undefined) throw unknown(id)
    return cancelled.verdict
  })
}

/** Pages that are read at most to fill one answer. */
const mostPages = 20

/** What the caller may see of a listing. `next` is where the next page begins, where there may be one. */
async function seen(wanted: Listing, desk: Desk, caller: Caller) {
  const deploys: Known[] = []
  let before = wanted.before
  for (let turn = 0; turn < mostPages; turn++) {
    const some = await desk.list({ ...wanted, before })
    deploys.push(...some.filter(({ request }) => caller.sees(request)).slice(0, wanted.limit - deploys.length))
    before = deploys.length < wanted.limit ? some.at(-1)?.request.id : deploys.at(-1)?.request.id
    if (some.length < wanted.limit && deploys.length < wanted.limit) return { deploys }
    if (deploys.length >= wanted.limit) break
  }
  return { deploys, next: before }
}

/** A deploy in a list: its verdict, or what it waits for. */
function shown({ request, commit, verdict: found }: Known) {
  const { source, image, author, acceptedAt } = request
  return {
    ...(found ?? unended(request, commit)),
    source,
    image: printImage(image),
    author: showAuthor(author),
    acceptedAt: new Date(acceptedAt).toISOString(),
  }
}
