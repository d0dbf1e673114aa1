/**
 * The routes of the old tool, as its users call them: a form, Docker Hub's webhook. They answer when the verdict is in.
 *
 * @module
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { DeployRequest } from '../release/request.ts'
import type { Verdict } from '../release/verdict.ts'
import { showAuthor } from '../request/author.ts'
import { parseDockerHub, parseForm, type ParsedAsked } from '../request/request.ts'
import type { Desk } from './desk.ts'
import { parseFormBody } from './form.ts'
import { errorText, problemsOf, statusOf } from './problem.ts'

/** Nobody's header waits longer; the caller's own limit ends it sooner. */
const patienceMs = 24 * 60 * 60 * 1000

/** Adds the routes. */
export function keptRoutes(app: FastifyInstance, desk: Desk): void {
  app.addContentTypeParser(
    /^(?:application\/x-www-form-urlencoded|multipart\/form-data)/,
    { parseAs: 'buffer' },
    async (request: FastifyRequest, body: Buffer) => parseFormBody(request.headers['content-type'] ?? '', body),
  )
  app.post<{ Body: unknown }>('/deploy', async (request, reply) => {
    const form =
      typeof request.body === 'object' && request.body !== null ? (request.body as Record<string, unknown>) : {}
    // curl without --data, or with the fields in the address: both worked.
    const query = request.query as Record<string, unknown>
    return answer(parseForm({ ...query, ...form }), desk, reply)
  })
  app.post<{ Body: unknown; Querystring: Record<string, unknown> }>(
    '/deploy/dockerhub',
    { bodyLimit: 1024 * 1024 },
    async (request, reply) => answer(parseDockerHub(request.query, request.body), desk, reply),
  )
}

async function answer(parsed: ParsedAsked, desk: Desk, reply: FastifyReply): Promise<unknown> {
  if (parsed.kind === 'refused') {
    const problem = problemsOf(parsed.problems)
    return reply
      .code(problem.status)
      .send({ status: 'error', error: problem.detail, code: problem.code, hint: problem.hint })
  }
  const request = await desk.accept(parsed.asked)
  const found = await desk.verdict(request.id, patienceMs)
  const verdict = found?.verdict
  if (verdict === undefined) return reply.code(202).send({ status: 'ok', deploy: shown(request), id: request.id })
  const status = statusOf(verdict)
  if (status === 200) return { status: 'ok', deploy: shown(request), verdict }
  return reply
    .code(status)
    .send({ status: 'error', error: errorText(verdict), ...codeOf(verdict), deploy: shown(request), verdict })
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
