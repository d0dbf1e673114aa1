/**
 * The HTTP door. Loopback only, until access is set up: a browser page from elsewhere is kept out by its Host and Origin.
 *
 * @module
 */
import { existsSync, readFileSync } from 'node:fs'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { MgoError } from '../error.ts'
import { deployRoutes } from './deploy.ts'
import type { Desk } from './desk.ts'
import { keepOut } from './guard.ts'
import type { Hub } from './hub.ts'
import { dockerHubRoute, formRoute, keptProblem } from './kept.ts'
import { page } from './page.ts'
import { type ProblemJson, problemOf } from './problem.ts'
import { type StreamOptions, streamRoutes } from './stream.ts'

export type AppOptions = {
  readonly desk: Desk
  readonly hub: Hub
  readonly memory: StreamOptions['memory']
  readonly version: string
  /** `undefined` when deploys can be taken, else why not. */
  readonly ready: () => Promise<string | undefined>
  /** One line for each error that nobody foresaw. */
  readonly warn: (text: string) => void
}

/** Builds the door; the caller listens. */
export function buildApp(options: AppOptions): FastifyInstance {
  const { desk, hub, memory, version, ready, warn } = options
  const app = fastify({
    ...limits,
    // What cannot even be routed, such as an address that is no URI.
    frameworkErrors: (error, _, reply) => void tell(error, reply.headers(safeHeaders)),
  })
  app.server.maxConnections = mostConnections()
  app.removeContentTypeParser('text/plain')
  app.addHook('onRequest', async ({ headers }, reply) => {
    void reply.headers(safeHeaders)
    keepOut(headers)
  })
  app.setErrorHandler((error, request, reply) => {
    log(error, request, warn)
    return tell(error, reply)
  })
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
  deployRoutes(app, desk)
  streamRoutes(app, { desk, hub, memory })
  void app.register(async (scope) => kept(scope, options))
  return app
}

/** The old tool's routes answer in its shape, errors included. */
function kept(app: FastifyInstance, { desk, warn }: AppOptions): void {
  app.setErrorHandler((error, request, reply) => {
    log(error, request, warn)
    const problem = problemOf(error)
    return heads(problem, reply).send(keptProblem(problem))
  })
  dockerHubRoute(app, desk)
  void app.register(async (scope) => formRoute(scope, desk))
}

/** Far more than wait at once; and half of the files that the process may hold open are left for git, helm and the journal. */
function mostConnections(): number {
  const text = existsSync('/proc/self/limits') ? readFileSync('/proc/self/limits', 'utf8') : ''
  const files = Number(/^Max open files\s+(\d+)/m.exec(text)?.[1] ?? 20_000)
  return Math.min(10_000, Math.floor(files / 2))
}

const limits = {
  logger: false,
  bodyLimit: 64 * 1024,
  // A request comes in at once or not at all (slow-loris); Node looks every half minute unless told otherwise.
  requestTimeout: 10_000,
  keepAliveTimeout: 72_000,
  http: { headersTimeout: 5_000, connectionsCheckingInterval: 1_000, maxHeaderSize: 16 * 1024 },
  // Keys such as __proto__ are an attack, never a mistake.
  onProtoPoisoning: 'error',
  onConstructorPoisoning: 'error',
  routerOptions: { maxParamLength: 100 },
} as const

const safeHeaders = {
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
}

/** What is the server's own fault is for its operator, too. */
function log(error: unknown, { method, routeOptions }: FastifyRequest, warn: AppOptions['warn']): void {
  const { status, code, detail } = problemOf(error)
  if (status < 500) return
  const words = code === 'INTERNAL' && error instanceof Error ? (error.stack ?? error.message) : `${code}: ${detail}`
  warn(`${method} ${routeOptions.url ?? '-'}: ${words}`)
}

function tell(error: unknown, reply: FastifyReply): FastifyReply {
  const problem = problemOf(error)
  return heads(problem, reply).type('application/problem+json').send(problem)
}

function heads({ status }: ProblemJson, reply: FastifyReply): FastifyReply {
  if (status === 503 || status === 429) void reply.header('retry-after', '2')
  return reply.code(status)
}

function nowhere({ method, url }: FastifyRequest): MgoError {
  const path = url.split('?')[0]?.slice(0, 100) ?? ''
  return new MgoError({
    code: 'REQUEST_UNKNOWN',
    message: `there is no ${method} ${path}`,
    hint: 'See docs/api.md for the routes.',
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
