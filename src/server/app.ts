/**
 * The HTTP door. What comes in goes past three: is it called by a name of ours and no web page, who sends it, and, once
 * the body is read, may they do that.
 *
 * @module
 */
import { existsSync, readFileSync } from 'node:fs'
import fastify, {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifyServerOptions,
} from 'fastify'
import type { Overview } from '../deploy/overview.ts'
import { MgoError } from '../error.ts'
import type { Hide } from '../secrets.ts'
import { admission } from './admission.ts'
import { auditRoute, type TrailReader } from './audit.ts'
import { deployRoutes } from './deploy.ts'
import type { Desk } from './desk.ts'
import { clusterRoutes } from './clusters.ts'
import { type Access, demandIdentity, type Needs } from './auth.ts'
import { keepOut } from './guard.ts'
import type { Hub } from './hub.ts'
import { dockerHubRoute, formRoute, keptProblem } from './kept.ts'
import type { Exposure } from './listen.ts'
import { type MetricsDoor, metricsRoute } from './metrics.ts'
import { openapiRoute } from './openapi.ts'
import { openRoutes } from './open-routes.ts'
import { type ProblemJson, problemOf } from './problem.ts'
import { rollbackRoute } from './rollback.ts'
import { describedRoutes } from './route.ts'
import { type StreamOptions, streamRoutes } from './stream.ts'
import { unread } from './unread.ts'
import { type WebhookOptions, webhookRoutes } from './webhook.ts'

export type AppOptions = {
  readonly desk: Desk
  readonly hub: Hub
  /** What is told of clusters. */
  readonly overview: Overview
  readonly memory: StreamOptions['memory']
  readonly access: Access
  readonly exposure: Pick<Exposure, 'names' | 'warning'>
  /** PEM texts; absent: http. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined
  /** Addresses of proxies whose X-Forwarded-* headers count. */
  readonly proxies?: readonly string[]
  readonly version: string
  /** `undefined` when deploys can be taken, else why not. */
  readonly ready: () => Promise<string | undefined>
  /** Every answer passes through it. */
  readonly hide: Hide
  readonly metrics: MetricsDoor
  readonly trail: TrailReader
  /** Absent where the settings name no hooks. */
  readonly webhooks?: WebhookOptions | undefined
  /** One line for each error that nobody foresaw. */
  readonly warn: (text: string) => void
}

/** Builds the door; the caller listens. */
export function buildApp(options: AppOptions): FastifyInstance {
  const { desk, access, exposure, warn } = options
  const app = fastify(framework(options))
  app.server.maxConnections = mostConnections()
  app.removeContentTypeParser('text/plain')
  app.addHook('onRequest', async ({ headers, host }, reply) => {
    void reply.headers(safeHeaders)
    keepOut(host, headers, exposure.names)
  })
  // Whatever a route answers, its errors included.
  app.addHook('preSerialization', async (_, __, payload) => options.hide(payload))
  demandIdentity(app, access)
  takeTurns(app, desk)
  if (exposure.warning !== undefined) warnEverybody(app, exposure.warning)
  app.setErrorHandler((error, request, reply) => {
    log(error, request, warn)
    return tell(error, reply)
  })
  app.setNotFoundHandler((request) => {
    throw nowhere(request)
  })
  const routes = describedRoutes(app)
  metricsRoute(app, options.metrics)
  openRoutes(app, options)
  deployRoutes(app, desk)
  streamRoutes(app, options)
  clusterRoutes(app, { desk, overview: options.overview })
  rollbackRoute(app, { desk, overview: options.overview })
  auditRoute(app, options.trail)
  if (options.webhooks !== undefined) webhookRoutes(app, options.webhooks)
  void app.register(async (scope) => kept(scope, options))
  openapiRoute(app, routes, options.version)
  return app
}

/** Before the body is read: where nothing can be taken, a refusal must cost next to nothing. */
function takeTurns(app: FastifyInstance, { room }: Pick<Desk, 'room'>): void {
  // Whoever calls a hook is not known before its body is read, and must not crowd out who is.
  const lines = { known: admission(), hook: admission() }
  app.addHook('onRequest', async ({ method, routeOptions }) => {
    const { identity } = routeOptions.config as Needs
    if (identity === 'none') return undefined
    if (identity === 'hook') return lines.hook.enter()
    if (method === 'POST') room()
    return lines.known.enter()
  })
}

/** In every answer, for people as a header and for programs as a field. */
function warnEverybody(app: FastifyInstance, warning: string): void {
  app.addHook('onRequest', async (_, reply) => void reply.header('warning', `299 mgo "${warning}"`))
  app.addHook('preSerialization', async (_, __, payload) =>
    typeof payload === 'object' && payload !== null && !Array.isArray(payload) ? { ...payload, warning } : payload,
  )
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

function framework({ tls, proxies, exposure }: AppOptions): FastifyServerOptions {
  return {
    ...limits,
    trustProxy: proxies === undefined ? false : [...proxies],
    // The old tool's routes, as somebody may have written them.
    rewriteUrl: ({ url = '/' }) => url.replace(/^(\/deploy(?:\/dockerhub)?)\/(?=\?|$)/, '$1'),
    // What cannot even be routed, such as an address that is no URI.
    frameworkErrors: (error, _, reply) => void tell(error, reply.headers(safeHeaders)),
    clientErrorHandler: unread(safeHeaders, exposure.warning),
    // The framework's types tell a server of https from one of http, and nothing here does.
    ...(tls === undefined ? {} : ({ https: { ...limits.http, ...tls, minVersion: 'TLSv1.2' } } as object)),
  }
}

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

function heads({ status, code, retryAfter }: ProblemJson, reply: FastifyReply): FastifyReply {
  if (status === 503) void reply.header('retry-after', String(retryAfter ?? 2))
  if (status === 429) void reply.header('retry-after', String(retryAfter ?? (code === 'CLUSTER_BUSY' ? 5 : 30)))
  if (status === 401) void reply.header('www-authenticate', 'Bearer realm="mgo", Basic realm="mgo"')
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
