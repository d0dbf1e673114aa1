/**
 * Routes that say what they take and what they answer, beside what they do. A route reads its address by the very shapes
 * that `/openapi.json` is made of, and none can be added that says nothing of itself.
 *
 * @module
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { MgoError, type Problem } from '../error.ts'
import { didYouMean } from '../manifest/nearest.ts'

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

/**
 * A whole number from `least` on, as a query has it.
 *
 * @param told - what it is not, where it is none
 */
export function wholeNumber(least: number, told: string) {
  return z.coerce.number({ error: told }).int({ error: told }).min(least, { error: told })
}

/**
 * Adds a route. Its handler is called once path and query are read; REQUEST_INVALID says all that is wrong with them. Below
 * /v1 a query that the route does not take is wrong, too: a misspelt one would be a filter that filters nothing.
 */
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
      const words = (route.query ?? nothing) as Q
      const params = read((route.params ?? nothing) as P, request.params, 'address')
      if (path.startsWith('/v1/')) refuseStrange(request.query, Object.keys(words.shape))
      const query = read(words, request.query, 'query')
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

function read<W extends Words>(words: W, given: unknown, place: 'address' | 'query'): z.output<W> {
  const got = words.safeParse(given)
  if (got.success) return got.data
  const bad = new Map(got.error.issues.map(({ path, message }) => [String(path[0]), message] as const).toReversed())
  const problems = [...bad].toReversed().map(([name, message]): Problem => {
    const value = (given as Readonly<Record<string, unknown>>)[name]
    const shown = `the ${place} has ${name}=${JSON.stringify(String(value).slice(0, 60))}`
    return {
      code: 'REQUEST_INVALID',
      message: Array.isArray(value) ? `the ${place} has ${name} twice` : `${shown}: ${message}`,
      hint: nextStep(words, name),
    }
  })
  throw refused(problems)
}

/** What its own description says of it. */
function nextStep(words: Words, name: string): string {
  const says = words.shape[name]?.description
  return says === undefined ? 'See docs/api.md.' : `${name}: ${says} See docs/api.md.`
}

function refuseStrange(query: unknown, known: readonly string[]): void {
  const strange = Object.keys(query ?? {}).filter((name) => !known.includes(name))
  if (strange.length === 0) return
  const problems = strange.slice(0, 10).map((name): Problem => {
    const message = `the query has ${JSON.stringify(name.slice(0, 60))}, which this route does not take`
    const hint = known.length === 0 ? 'It takes none: leave it out.' : didYouMean(name, known)
    return { code: 'REQUEST_INVALID', message, hint: `${hint} See docs/api.md.` }
  })
  throw refused(problems)
}

function refused(problems: readonly Problem[]): MgoError {
  const [first] = problems
  if (first === undefined) throw new Error('refused without a problem')
  return new MgoError(first, { problems })
}
