/**
 * The HTTP door. Loopback only, until access is set up: a browser page from elsewhere is kept out by its Host and Origin.
 *
 * @module
 */
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { MgoError } from '../error.ts'
import { deployRoutes } from './deploy.ts'
import type { Desk } from './desk.ts'
import { keptRoutes } from './kept.ts'
import { page } from './page.ts'
import { problemOf } from './problem.ts'

export type AppOptions = {
  readonly desk: Desk
  readonly version: string
  /** `undefined` when deploys can be taken, else why not. */
  readonly ready: () => Promise<string | undefined>
  /** One line for each error that nobody foresaw. */
  readonly warn: (text: string) => void
}

/** Builds the door; the caller listens. */
export function buildApp({ desk, version, ready, warn }: AppOptions): FastifyInstance {
  const app = fastify(limits)
  app.addHook('onRequest', async (request, reply) => {
    void reply.headers(safeHeaders)
    guard(request)
  })
  app.setErrorHandler((error, request, reply) => failed(error, { request, reply, warn }))
  app.setNotFoundHandler((request) => {
    throw nowhere(request)
  })
  app.get('/', async (request, reply) => {
    if (/\btext\/html\b/.test(request.headers.accept ?? ''))
      return reply.type('text/html; charset=utf-8').send(page(version))
    return reply.type('text/plain; charset=utf-8').send('hello world!')
  })
  app.get('/healthz', async () => ({ status: 'ok', version }))
  app.get('/readyz', async (_, reply) => {
    const why = await ready()
    return why === undefined ? { status: 'ready' } : reply.code(503).send({ status: 'not ready', why })
  })
  keptRoutes(app, desk)
  deployRoutes(app, desk)
  return app
}

const limits = {
  logger: false,
  bodyLimit: 64 * 1024,
  // A request comes in at once or not at all (slow-loris).
  requestTimeout: 10_000,
  keepAliveTimeout: 72_000,
  http: { headersTimeout: 10_000, maxHeaderSize: 16 * 1024 },
  // Keys such as __proto__ are an attack, never a mistake.
  onProtoPoisoning: 'error',
  onConstructorPoisoning: 'error',
  routerOptions: { maxParamLength: 100 },
} as const

const safeHeaders = {
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
}

type Failing = { readonly request: FastifyRequest; readonly reply: FastifyReply; readonly warn: AppOptions['warn'] }

function failed(error: unknown, { request, reply, warn }: Failing): FastifyReply {
  const problem = problemOf(error)
  if (problem.code === 'INTERNAL') {
    const words = error instanceof Error ? (error.stack ?? error.message) : String(error)
    warn(`${request.method} ${request.routeOptions.url ?? '-'}: ${words}`)
  }
  if (problem.status === 503 || problem.status === 429) void reply.header('retry-after', '2')
  void reply.code(problem.status)
  // The kept routes answer in the old tool's shape.
  if (request.url.startsWith('/deploy'))
    return reply.send({ status: 'error', error: problem.detail, code: problem.code, hint: problem.hint })
  return reply.type('application/problem+json').send(problem)
}

function nowhere({ method, url }: FastifyRequest): MgoError {
  const path = url.split('?')[0]?.slice(0, 100) ?? ''
  return new MgoError({
    code: 'REQUEST_UNKNOWN',
    message: `there is no ${method} ${path}`,
    hint: 'See docs/api.md for the routes.',
  })
}

const loopback = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/

/** Keeps out pages of a browser: those that found loopback by a name of their own, and those that post from elsewhere. */
function guard({ headers }: FastifyRequest): void {
  const strange = headers.host !== undefined && !loopback.test(headers.host)
  const from = headers.origin
  const elsewhere = from !== undefined && !loopback.test(from.replace(/^https?:\/\//, ''))
  if (!strange && !elsewhere) return
  throw new MgoError({
    code: 'UNAUTHORIZED',
    message: strange
      ? 'this server listens on loopback and answers to that name only'
      : 'this server takes no requests from web pages',
    hint: 'Call it as http://127.0.0.1:PORT or http://localhost:PORT.',
  })
}

/**
 * Reads `HOST:PORT`. Off loopback it refuses: without identities anybody who reaches the port could deploy.
 *
 * @throws MgoError CONFIG_INVALID
 */
export function parseListen(text: string): { readonly host: string; readonly port: number } {
  const found = /^(?:\[([0-9a-fA-F:]+)\]|([^:]*)):(\d{1,5})$/.exec(text)
  const host = found?.[1] ?? found?.[2] ?? ''
  const port = Number(found?.[3] ?? Number.NaN)
  if (found === null || port > 65_535)
    throw new MgoError({
      code: 'CONFIG_INVALID',
      message: `${JSON.stringify(text)} is no address to listen on`,
      hint: 'Write it as 127.0.0.1:8080.',
    })
  if (!/^(?:127(?:\.\d{1,3}){3}|localhost|::1)$/.test(host))
    throw new MgoError({
      code: 'CONFIG_INVALID',
      message: `mgo does not listen on ${host === '' ? 'all addresses' : host}: without access control whoever reaches it could deploy`,
      hint: 'Listen on 127.0.0.1, and put something in front that checks who calls.',
    })
  return { host, port }
}
