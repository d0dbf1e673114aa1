/**
 * The routes of the old tool, as its users call them: a form, Docker Hub's webhook. They answer when the verdict is in,
 * in the old tool's shape, and never with a 2xx for a deploy that is not known to have worked.
 *
 * @module
 */
import type { FastifyInstance, FastifyReply } from 'fastify'
import { MgoError } from '../error.ts'
import type { RequestId } from '../release/ids.ts'
import type { DeployRequest } from '../release/request.ts'
import type { Verdict } from '../release/verdict.ts'
import { showAuthor } from '../request/author.ts'
import { parseDockerHub, parseForm, type ParsedAsked } from '../request/request.ts'
import { callerOf } from './auth.ts'
import type { Caller } from './caller.ts'
import type { Desk } from './desk.ts'
import { parseFormBody } from './form.ts'
import { errorText, type ProblemJson, problemsOf, statusOf } from './problem.ts'

/** Nobody's header waits longer; the caller's own limit ends it sooner. */
const patienceMs = 24 * 60 * 60 * 1000

type Fields = Readonly<Record<string, unknown>>

/** Adds `POST /deploy`, which takes forms and nothing else. As in the old tool, what the body lacks may stand in the address. */
export function formRoute(app: FastifyInstance, desk: Desk): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    /^(?:application\/x-www-form-urlencoded|multipart\/form-data)\b/i,
    { parseAs: 'buffer' },
    async (request: { readonly headers: { readonly 'content-type'?: string | undefined } }, body: Buffer) =>
      parseFormBody(request.headers['content-type'] ?? '', body),
  )
  app.post<{ Body: Fields | null | undefined; Querystring: Fields }>('/deploy', async (request, reply) =>
    answer(parseForm({ ...request.query, ...request.body }), desk, { reply, caller: callerOf(request) }),
  )
}

/** Adds `POST /deploy/dockerhub`. */
export function dockerHubRoute(app: FastifyInstance, desk: Desk): void {
  // Docker Hub's payload carries the repository's full description.
  const options = { bodyLimit: 1024 * 1024 }
  app.post<{ Body: unknown; Querystring: Fields }>('/deploy/dockerhub', options, async (request, reply) =>
    answer(parseDockerHub(request.query, request.body), desk, { reply, caller: callerOf(request) }),
  )
}

/** A problem in the shape of the old tool. */
export function keptProblem({ detail, code, hint, problems }: ProblemJson) {
  return { status: 'error', error: detail, code, hint, ...(problems === undefined ? {} : { problems }) }
}

type Course = { readonly reply: FastifyReply; readonly caller: Caller }

async function answer(parsed: ParsedAsked, desk: Desk, { reply, caller }: Course): Promise<unknown> {
  if (parsed.kind === 'refused') {
    const problem = problemsOf(parsed.problems)
    return reply.code(problem.status).send(keptProblem(problem))
  }
  const { request } = await desk.accept(caller.stamp(parsed.asked))
  void reply.header('location', `/v1/deploys/${request.id}`)
  const reached = (await desk.verdict(request.id, patienceMs))?.verdict
  if (reached === undefined) throw late(request.id)
  const verdict = caller.shown(reached)
  const status = statusOf(verdict)
  if (status === 200) return { status: 'ok', deploy: shown(request), verdict }
  return reply
    .code(status)
    .send({ status: 'error', error: errorText(verdict), ...codeOf(verdict), deploy: shown(request), verdict })
}

function late(id: RequestId): MgoError {
  return new MgoError({
    code: 'SERVER_SLOW',
    message: `there is no verdict yet; the request ${id} is kept and goes on`,
    hint: `Ask for it: GET /v1/deploys/${id}.`,
  })
}

function codeOf({ problem, releases }: Verdict): { readonly code?: string; readonly hint?: string } {
  const bad = problem ?? releases.find((one) => one.code !== undefined)
  return {
    ...(bad?.code === undefined ? {} : { code: bad.code }),
    ...(bad?.hint === undefined ? {} : { hint: bad.hint }),
  }
}

/** The request in the shape of the old tool's answers. */
function shown({ source, author, image, cluster }: DeployRequest) {
  return {
    triggerRepo: source,
    author: showAuthor(author),
    Image: { repository: image.repository, tag: image.tag ?? image.digest ?? '' },
    cluster,
  }
}
