/**
 * Routes that say what they take and what they answer, beside what they do. A route reads its address by the very shapes
 * that `/openapi.json` is made of, and none can be added that says nothing of itself.
 *
 * @module
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { MgoError } from '../error.ts'

/** Texts by name: a path's words, a query. */
export type Words = z.ZodObject<Readonly<Record<string, z.ZodType>>>

/** A text and what it is read as. */
export function textAs<T>(read: (text: string) => T | undefined, message: string) {
  return z.string().transform((text, context): T => {
    const value = read(text)
    if (value !== undefined) return value
    context.addIssue({ code: 'custom', message })
    return z.NEVER
  })
}

/** What comes in the body, or goes out in it. Without a shape: text. */
export type Content = {
  readonly type: string
  readonly shape?: z.ZodType
  /** Of server-sent events: what the data of each is. */
  readonly data?: z.ZodType
}

export type Answer = {
  readonly means: string
  readonly contents?: readonly Content[]
  /** Header and what it says. */
  readonly headers?: Readonly<Record<string, string>>
}

export type Route<P extends Words = Words, Q extends Words = Words> = {
  readonly method: 'GET' | 'POST' | 'DELETE' | 'OPTIONS'
  /** As OpenAPI writes it: `/v1/deploys/{id}`. */
  readonly path: string
  /** The name of the operation, for clients that are made from the description. */
  readonly name: string
  readonly does: string
  readonly more?: string
  readonly params?: P
  readonly query?: Q
  /** Headers that mean something to this route, and what. */
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: readonly Content[]
  /** By status; `default` is what goes wrong. */
  readonly answers: Readonly<Record<string, Answer>>
  /** `none`: it wants no identity. `hook`: it verifies one of its own. */
  readonly identity?: 'none' | 'hook'
  readonly bodyLimit?: number
}

export type Asked<P extends Words, Q extends Words> = {
  readonly params: z.output<P>
  readonly query: z.output<Q>
  readonly request: FastifyRequest
  readonly reply: FastifyReply
}

type Handler<P extends Words, Q extends Words> = (asked: Asked<P, Q>) => Promise<unknown>

/** What the framework keeps beside a route. */
type Beside = { readonly identity?: Route['identity']; readonly route?: Route }

const nothing = z.object({})

/** Adds a route. Its handler is called once path and query are read; REQUEST_INVALID says all that is wrong with them. */
export function addRoute<P extends Words = typeof nothing, Q extends Words = typeof nothing>(
  app: FastifyInstance,
  route: Route<P, Q>,
  handler: Handler<P, Q>,
): void {
  const { method, path, identity, bodyLimit } = route
  const beside: Beside = { ...(identity === undefined ? {} : { identity }), route }
  app.route({
    method,
    url: path.replaceAll(/\{(\w+)\}/g, ':$1'),
    config: beside,
    ...(bodyLimit === undefined ? {} : { bodyLimit }),
    handler: async (request, reply) => {
      const params = read((route.params ?? nothing) as P, request.params)
      const query = read((route.query ?? nothing) as Q, request.query)
      return handler({ params, query, request, reply })
    },
  })
}

/** All routes that are added from here on. Each must say what it is. */
export function describedRoutes(app: FastifyInstance): () => readonly Route[] {
  const known = new Map<string, Route>()
  app.addHook('onRoute', ({ method, url, config }) => {
    const { route } = (config ?? {}) as Beside
    if (route === undefined) throw new Error(`${String(method)} ${url} says nothing of itself`)
    known.set(`${route.method} ${route.path}`, route)
  })
  return () => [...known.values()]
}

function read<W extends Words>(words: W, given: unknown): z.output<W> {
  const got = words.safeParse(given)
  if (got.success) return got.data
  const problems = got.error.issues.map(({ path, message }) => ({
    code: 'REQUEST_INVALID' as const,
    message: `${path.join('.')}: ${message}`.slice(0, 200),
    hint: 'See docs/api.md.',
  }))
  const [first] = problems
  if (first === undefined) throw new Error('refused without a problem')
  throw new MgoError(first, { problems })
}
