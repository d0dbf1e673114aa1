/**
 * How a request is answered: at once that it is kept, or with its verdict where the caller waits.
 *
 * @module
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { parseDuration } from '../manifest/header.ts'
import { MgoError, type Problem } from '../error.ts'
import { parseRequestId, type RequestId } from '../release/ids.ts'
import { printImage } from '../release/image.ts'
import { showAuthor } from '../request/author.ts'
import { back, commit, failure, json, named, requestId, time, verdict } from './shapes.ts'
import type { Caller } from './caller.ts'
import type { Desk } from './desk.ts'
import type { Known } from './memory.ts'
import type { Question } from './once.ts'
import { statusOf } from './problem.ts'
import { textAs } from './route.ts'

/** Longer waits are cut to this: proxies in between end them anyway. */
const longestWaitMs = 10 * 60 * 1000

/** A query that says how long the answer may be held back. */
export const waits = z.object({
  wait: textAs(parseDuration, 'it is no duration such as 120s')
    .transform((ms) => Math.min(ms, longestWaitMs))
    .optional()
    .describe('Hold the answer back until the verdict is in, for so long at most: 120s. The longest is 10m.'),
})

/** A path that names a request. */
export const byId = z.object({ id: z.string().describe('The id of the request.') })

const asked = { source: z.string(), image: z.string(), author: z.string() }
const waiting = named(
  'Waiting',
  z.object({
    id: requestId,
    status: z.literal('accepted'),
    cluster: z.string(),
    ...asked,
    ...back,
    commit: commit.optional(),
  }),
)
const beside = { ...asked, acceptedAt: time }

/** One of a list: what was asked, beside its verdict or what it waits for. */
export const listed = named('Deploy', z.union([verdict.extend(beside), waiting.extend(beside)]))

/** What a route answers that takes a request. Where the caller waits, `curl --fail` fails with the deploy. */
export const answers = {
  200: { means: 'The verdict, and it is good.', contents: json(verdict) },
  202: {
    means: 'The request is on disk, and goes on whatever happens to the caller.',
    contents: json(waiting),
    headers: { Location: 'Where its verdict will be.' },
  },
  default: {
    means: 'With `wait`, the verdict of what did not work; else a problem.',
    contents: [...json(verdict), ...failure.contents],
  },
} as const

/** What such a route hears beside the body. */
export const keyHeader = {
  'Idempotency-Key': '1 to 200 printable letters: the same key with the same request gives the first one’s answer.',
} as const

/** Which request a repeated one is. */
export function onceOf({ headers }: FastifyRequest): Question | undefined {
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

export type Answering = {
  readonly desk: Pick<Desk, 'verdict'>
  readonly reply: FastifyReply
  readonly waitMs: number | undefined
  readonly caller: Caller
}

/** Answers with the verdict, or that there is none yet. */
export async function answer(id: RequestId, { desk, reply, waitMs = 0, caller }: Answering): Promise<unknown> {
  const now = await known(id, desk, caller)
  const {
    request,
    commit: at,
    verdict: found,
  } = now.verdict === undefined ? ((await desk.verdict(id, waitMs)) ?? now) : now
  // Asked for the record of a deploy, its failure is an answer, not an error; who waits for it wants curl --fail to fail.
  if (found !== undefined) return reply.code(waitMs > 0 ? statusOf(found) : 200).send(caller.shown(found))
  return reply.code(202).send(unended(request, at))
}

/** A request without a verdict. */
export function unended(request: Known['request'], commit: Known['commit']) {
  const { id, cluster, source, image, author, backTo, backFrom, git } = request
  const who = { image: printImage(image), author: showAuthor(author) }
  return { id, status: 'accepted', cluster, source, ...who, backTo, backFrom, git, commit }
}

/** A body that cannot be read, as an error with all its problems. */
export function refusal(problems: readonly Problem[]): MgoError {
  const [first] = problems
  if (first === undefined) throw new Error('refused without a problem')
  return new MgoError(first, { problems })
}

/** No such request. */
export function unknown(id: string): MgoError {
  return new MgoError({
    code: 'REQUEST_UNKNOWN',
    message: `there is no request ${JSON.stringify(id.slice(0, 40))}`,
    hint: 'Its id is in the answer to POST /v1/deploys, and in the commit’s trailer Mgo-Request.',
  })
}
