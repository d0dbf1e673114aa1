/**
 * Deploys as JSON: accepted with 202 once they are on disk, or answered with the verdict where the caller waits.
 *
 * @module
 */
import type { FastifyInstance, FastifyReply } from 'fastify'
import { MgoError } from '../error.ts'
import { parseDuration } from '../manifest/header.ts'
import { parseRequestId, type RequestId } from '../release/ids.ts'
import { printImage } from '../release/image.ts'
import { showAuthor } from '../request/author.ts'
import { parseAsked } from '../request/request.ts'
import type { Desk } from './desk.ts'
import { problemsOf, statusOf } from './problem.ts'

/** Longer waits are cut to this: proxies in between end them anyway. */
const longestWaitMs = 10 * 60 * 1000

type Query = { readonly wait?: string }

/** Adds the routes below /v1. */
export function deployRoutes(app: FastifyInstance, desk: Desk): void {
  app.post<{ Querystring: Query; Body: unknown }>('/v1/deploys', async (request, reply) => {
    const waitMs = waitOf(request.query)
    const parsed = parseAsked(request.body)
    if (parsed.kind === 'refused') {
      const problem = problemsOf(parsed.problems)
      return reply.code(problem.status).type('application/problem+json').send(problem)
    }
    const { id } = await desk.accept(parsed.asked)
    void reply.header('location', `/v1/deploys/${id}`)
    return answer(id, { desk, reply, waitMs })
  })
  app.get<{ Params: { id: string }; Querystring: Query }>('/v1/deploys/:id', async (request, reply) => {
    const id = parseRequestId(request.params.id)
    if (id === undefined) throw unknown(request.params.id)
    return answer(id, { desk, reply, waitMs: waitOf(request.query) })
  })
}

type Course = { readonly desk: Desk; readonly reply: FastifyReply; readonly waitMs: number }

async function answer(id: RequestId, { desk, reply, waitMs }: Course): Promise<unknown> {
  const found = await desk.verdict(id, waitMs)
  if (found === undefined) throw unknown(id)
  const { request, commit, verdict } = found
  // Asked for the record of a deploy, its failure is an answer, not an error; who waits for it wants curl --fail to fail.
  if (verdict !== undefined) return reply.code(waitMs > 0 ? statusOf(verdict) : 200).send(verdict)
  return reply.code(202).send({
    id,
    status: 'accepted',
    cluster: request.cluster,
    source: request.source,
    image: printImage(request.image),
    author: showAuthor(request.author),
    ...(commit === undefined ? {} : { commit }),
  })
}

function waitOf({ wait }: Query): number {
  if (wait === undefined) return 0
  const ms = parseDuration(wait)
  if (ms === undefined)
    throw new MgoError({
      code: 'REQUEST_INVALID',
      message: `wait=${JSON.stringify(wait.slice(0, 40))} is no duration`,
      hint: 'Write wait=120s.',
    })
  return Math.min(ms, longestWaitMs)
}

function unknown(id: string): MgoError {
  return new MgoError({
    code: 'REQUEST_UNKNOWN',
    message: `there is no request ${JSON.stringify(id.slice(0, 40))}`,
    hint: 'Its id is in the answer to POST /v1/deploys, and in the commit’s trailer Mgo-Request.',
  })
}
