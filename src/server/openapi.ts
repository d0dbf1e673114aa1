/**
 * `GET /openapi.json`: the routes of this server as OpenAPI 3.1, made from what they read by and answer with.
 *
 * @module
 */
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { components } from './shapes.ts'
import { type Answer, addRoute, type Content, type Route, type Words } from './route.ts'

/** Adds the route. It says what mgo can do, and nothing about what it does: it needs no identity. */
export function openapiRoute(app: FastifyInstance, routes: () => readonly Route[], version: string): void {
  let text: string | undefined
  const route = {
    method: 'GET',
    path: '/openapi.json',
    name: 'describe',
    does: 'This description.',
    identity: 'none',
    answers: { 200: { means: 'OpenAPI 3.1.', contents: [{ type: 'application/json' }] } },
  } as const
  addRoute(app, route, async ({ reply }) => {
    text ??= JSON.stringify(openapi(routes(), version))
    return reply.type('application/json; charset=utf-8').send(text)
  })
}

/** Describes routes. */
function openapi(routes: readonly Route[], version: string) {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const route of routes) (paths[route.path] ??= {})[route.method.toLowerCase()] = operation(route)
  const all = schemas()
  return {
    openapi: '3.1.0',
    jsonSchemaDialect: 'https://json-schema.org/draft/2020-12/schema',
    info: {
      title: 'mgo',
      version,
      summary: 'This image, that cluster: committed to the gitops repo, brought to the cluster, judged.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    security: [{ bearer: [] }, { basic: [] }],
    paths,
    components: {
      schemas: Object.fromEntries([...used(paths, all)].toSorted().map((id) => [id, all[id]])),
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'A static token, or the identity token of a CI job.' },
        basic: { type: 'http', scheme: 'basic', description: 'The same token as the password; any user name.' },
      },
    },
  }
}

function operation({ name, does, more, params, query, headers, body, answers, identity }: Route) {
  const parameters = [
    ...wordsIn('path', params),
    ...wordsIn('query', query),
    ...Object.entries(headers ?? {}).map(([header, description]) => {
      return { name: header, in: 'header', required: false, description, schema: { type: 'string' } }
    }),
  ]
  return {
    operationId: name,
    summary: does,
    ...(more === undefined ? {} : { description: more }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: { required: true, content: contentOf(body) } }),
    responses: Object.fromEntries(Object.entries(answers).map(([status, one]) => [status, response(one)])),
    ...(identity === undefined ? {} : { security: [] }),
  }
}

function wordsIn(where: 'path' | 'query', words: Words | undefined) {
  if (words === undefined) return []
  const { properties = {}, required = [] } = plain(words) as {
    readonly properties?: Readonly<Record<string, Readonly<Record<string, unknown>>>>
    readonly required?: readonly string[]
  }
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: where,
    required: where === 'path' || required.includes(name),
    ...(description === undefined ? {} : { description }),
    schema,
  }))
}

function response({ means, contents, headers }: Answer) {
  const told = Object.entries(headers ?? {}).map(([name, description]) => {
    return [name, { description, schema: { type: 'string' } }]
  })
  return {
    description: means,
    ...(told.length === 0 ? {} : { headers: Object.fromEntries(told) as object }),
    ...(contents === undefined ? {} : { content: contentOf(contents) }),
  }
}

function contentOf(contents: readonly Content[]) {
  return Object.fromEntries(
    contents.map(({ type, shape, data }) => {
      // OpenAPI 3.1 has no word for what comes in a stream; 3.2 will.
      const events = data === undefined ? {} : { 'x-event-data': schemaOf('application/json', data) }
      return [type, { schema: schemaOf(type, shape), ...events }]
    }),
  )
}

function schemaOf(type: string, shape: z.ZodType | undefined): unknown {
  if (shape === undefined) return { type: type.endsWith('json') ? 'object' : 'string' }
  const known = components.get(shape)
  return known === undefined ? plain(shape) : { $ref: refTo(known.id) }
}

function refTo(id: string): string {
  return `#/components/schemas/${id}`
}

/** What is given, not what is made of it; objects stay open, so that an answer may grow. */
const given = { io: 'input', target: 'draft-2020-12' } as const

function plain(shape: z.ZodType): object {
  return bare(z.toJSONSchema(shape, given))
}

/** Its place in the document says which dialect a schema is of, and where it is. */
function bare(schema: object): object {
  return Object.fromEntries(Object.entries(schema).filter(([key]) => key !== '$schema' && key !== '$id'))
}

/** The names that something refers to, and what those refer to. */
function used(by: unknown, all: Readonly<Record<string, object>>, known = new Set<string>()): ReadonlySet<string> {
  for (const [, id = ''] of JSON.stringify(by ?? null).matchAll(/"#\/components\/schemas\/(\w+)"/g))
    if (!known.has(id)) used(all[id], all, known.add(id))
  return known
}

function schemas(): Readonly<Record<string, object>> {
  const made = z.toJSONSchema(components, { ...given, uri: refTo }).schemas
  return Object.fromEntries(Object.entries(made).map(([id, schema]) => [id, bare(schema)]))
}
