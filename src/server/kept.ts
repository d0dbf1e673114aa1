/**
 * The routes of the old tool, as its users call them: a form, Docker Hub's webhook. They answer when the verdict is in,
 * in the old tool's shape, and never with a 2xx for a deploy that is not known to have worked.
 *
 * @module
 */
import type { FastifyInstance, FastifyReply } from 'fastify'
import { z } from 'zod'
import { MgoError } from '../error.ts'
import type { RequestId } from '../release/ids.ts'
import type { DeployRequest } from '../release/request.ts'
import type { Verdict } from '../release/verdict.ts'
import { showAuthor } from '../request/author.ts'
import { formFields, parseDockerHub, parseForm, type ParsedAsked } from '../request/request.ts'
import { json, named, verdict } from './shapes.ts'
import { callerOf } from './auth.ts'
import type { Caller } from './caller.ts'
import type { Desk } from './desk.ts'
import { parseFormBody } from './form.ts'
import { errorText, type ProblemJson, problemsOf, statusOf } from './problem.ts'
import { addRoute } from './route.ts'

/** Nobody's header waits longer; the caller's own limit ends it sooner. */
const patienceMs = 24 * 60 * 60 * 1000

type Fields = Readonly<Record<string, unknown>>

const form = named(
  'DeployForm',
  z.object(Object.fromEntries(formFields.map((field) => [field, z.string().min(1)])) as Record<string, z.ZodString>),
)
const text = z.string().optional()
const shownAs = z.object({
  triggerRepo: z.string(),
  author: z.string(),
  Image: z.object({ repository: z.string(), tag: z.string() }),
  cluster: z.string(),
})
const answers = {
  200: {
    means: 'The verdict is in, and it is good.',
    contents: json(named('KeptAnswer', z.object({ status: z.literal('ok'), deploy: shownAs, verdict }))),
  },
  default: {
    means: 'It did not work, or was not done: `curl --fail` fails.',
    contents: json(
      named(
        'KeptError',
        z.object({
          status: z.literal('error'),
          error: z.string(),
          code: text,
          hint: text,
          deploy: shownAs.optional(),
          verdict: verdict.optional(),
          problems: z.array(z.unknown()).optional(),
        }),
      ),
    ),
  },
} as const

const formPost = {
  method: 'POST',
  path: '/deploy',
  name: 'keptDeploy',
  does: 'The old tool’s route: a form, answered when the verdict is in. What the body lacks may stand in the address.',
  query: z.object(Object.fromEntries(formFields.map((field) => [field, text]))),
  body: [
    { type: 'application/x-www-form-urlencoded', shape: form },
    { type: 'multipart/form-data', shape: form },
  ],
  answers,
} as const

const dockerHubPost = {
  method: 'POST',
  path: '/deploy/dockerhub',
  name: 'keptDockerHub',
  does: 'The old tool’s route for Docker Hub’s webhook.',
  query: z.object({ triggerRepo: text, cluster: text }),
  body: [{ type: 'application/json' }],
  answers,
  // Docker Hub's payload carries the repository's full description.
  bodyLimit: 1024 * 1024,
} as const

/** Adds `POST /deploy`, which takes forms and nothing else. As in the old tool, what the body lacks may stand in the address. */
export function formRoute(app: FastifyInstance, desk: Desk): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    /^(?:application\/x-www-form-urlencoded|multipart\/form-data)\b/i,
    { parseAs: 'buffer' },
    async (request: { readonly headers: { readonly 'content-type'?: string | undefined } }, body: Buffer) =>
      parseFormBody(request.headers['content-type'] ?? '', body),
  )
  addRoute(app, formPost, async ({ query, request, reply }) => {
    const body = request.body as Fields | null | undefined
    return answer(parseForm({ ...query, ...body }), desk, { reply, caller: callerOf(request) })
  })
}

/** Adds `POST /deploy/dockerhub`. */
export function dockerHubRoute(app: FastifyInstance, desk: Desk): void {
  addRoute(app, dockerHubPost, async ({ query, request, reply }) =>
    answer(parseDockerHub(query, request.body), desk, { reply, caller: callerOf(request) }),
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
  const found = caller.shown(reached)
  const status = statusOf(found)
  if (status === 200) return { status: 'ok', deploy: shown(request), verdict: found }
  return reply
    .code(status)
    .send({ status: 'error', error: errorText(found), ...codeOf(found), deploy: shown(request), verdict: found })
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
