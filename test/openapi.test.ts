/**
 * `/openapi.json` is OpenAPI 3.1, has every route and nothing more, and says of each what it really answers.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { described, validator } from './described.ts'
import { ci, ops, server, wish } from './door.ts'
import { hookOf, openDoor } from './webhooks/door.ts'

const api = await described(server)
const as = (who: string, more: RequestInit = {}): RequestInit => ({
  ...more,
  headers: {
    authorization: `Bearer ${who}`,
    ...(more.body === undefined ? {} : { 'content-type': 'application/json' }),
  },
})

const schema = z.record(z.string(), z.unknown())
const contents = z.record(
  z.string().regex(/^[a-z]+\/[a-z0-9.+-]+$/),
  z.strictObject({ schema, 'x-event-data': schema.optional() }),
)
const words = z.string().min(3)
const parameter = z.strictObject({
  name: z.string(),
  in: z.enum(['path', 'query', 'header']),
  required: z.boolean(),
  description: words.optional(),
  schema,
})
const operation = z.strictObject({
  operationId: z.string().regex(/^[a-z][A-Za-z]+$/),
  summary: words,
  description: words.optional(),
  parameters: z.array(parameter).min(1).optional(),
  requestBody: z.strictObject({ required: z.literal(true), content: contents }).optional(),
  responses: z.record(
    z.string().regex(/^(?:[1-5]\d\d|default)$/),
    z.strictObject({
      description: words,
      headers: z.record(z.string(), z.strictObject({ description: words, schema })).optional(),
      content: contents.optional(),
    }),
  ),
  security: z.array(z.record(z.string(), z.array(z.string()))).optional(),
})
/** Of spec.openapis.org/oas/v3.1.1 what mgo uses, and no field beside it. */
const openapi31 = z.strictObject({
  openapi: z.string().regex(/^3\.1\.\d$/),
  jsonSchemaDialect: z.literal('https://json-schema.org/draft/2020-12/schema'),
  info: z.strictObject({
    title: words,
    version: z.string(),
    summary: words,
    license: z.strictObject({ name: z.string(), identifier: z.string() }),
  }),
  servers: z.array(z.strictObject({ url: z.string() })),
  security: z.array(z.record(z.enum(['bearer', 'basic']), z.array(z.string()).max(0)).or(schema)),
  paths: z.record(z.string().regex(/^\//), z.record(z.enum(['get', 'post', 'delete']), operation).or(schema)),
  components: z.strictObject({
    schemas: z.record(z.string().regex(/^[A-Z][A-Za-z]+$/), schema),
    securitySchemes: z.record(
      z.enum(['bearer', 'basic']),
      z.strictObject({ type: z.literal('http'), scheme: z.enum(['bearer', 'basic']), description: words }),
    ),
  }),
})

const operations = Object.entries(api.description.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, one]) => ({ path, method, one })),
)

test('the description is OpenAPI 3.1, field by field', () => {
  assert.deepEqual(openapi31.safeParse(api.description).error?.issues ?? [], [])
  for (const { path, method, one } of operations) {
    assert.ok(['get', 'post', 'delete'].includes(method), `${method} ${path}`)
    assert.deepEqual(operation.safeParse(one).error?.issues ?? [], [], `${method} ${path}`)
  }
  const names = operations.map(({ one }) => one.operationId)
  assert.equal(new Set(names).size, names.length, 'each operation has a name of its own')
})

test('every word of a path is a parameter of it, and the other way round', () => {
  for (const { path, one } of operations) {
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map((found) => found[1])
    const told = (one.parameters ?? []).filter((each) => each.in === 'path')
    assert.deepEqual(
      told.map(({ name }) => name),
      inPath,
      path,
    )
    assert.ok(told.every(({ required }) => required))
  }
})

test('every shape is a JSON Schema, is meant by something, and means something that is there', () => {
  const validate = validator(api.description)
  const text = JSON.stringify(api.description)
  const meant = new Set([...text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map((found) => found[1] ?? ''))
  assert.deepEqual([...meant].toSorted(), Object.keys(api.description.components.schemas).toSorted())
  for (const one of Object.values(api.description.components.schemas)) validate(one, {})
  for (const { one } of operations)
    for (const { schema: each } of (one.parameters ?? []) as unknown as readonly z.infer<typeof parameter>[])
      validate(each, '')
})

/** The routes that the framework has, from its own drawing of them. */
function registered(drawing: string): readonly string[] {
  const above: string[] = []
  return drawing.split('\n').flatMap((line) => {
    const [, indent = '', part = '', methods] = /^((?:│ {3}| {4})*)[├└]── (\S+)(?: \(([A-Z, ]+)\))?$/.exec(line) ?? []
    if (part === '') return []
    const depth = indent.length / 4
    above.splice(depth, above.length, part)
    const path = above.join('').replaceAll(/:(\w+)/g, '{$1}')
    return (methods ?? '').split(', ').flatMap((one) => (one === '' || one === 'HEAD' ? [] : [`${one} ${path}`]))
  })
}

test('every route is described, and nothing more', async () => {
  const door = openDoor({ hooks: [hookOf('dockerhub')] })
  await door.ready()
  const { body } = await door.inject({ method: 'GET', url: '/openapi.json' })
  const { paths } = JSON.parse(body) as typeof api.description
  const told = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  )
  const there = registered(door.printRoutes({ commonPrefix: false }))
  assert.deepEqual(told.toSorted(), there.toSorted())
  for (const one of ['POST /deploy', 'POST /deploy/dockerhub', 'GET /', 'POST /webhooks/{vendor}/{hook}'])
    assert.ok(told.includes(one), one)
})

test('a server without hooks describes none', () => {
  assert.equal(api.description.paths['/webhooks/{vendor}/{hook}'], undefined)
})

test('it needs no identity, and says which routes do', async () => {
  for (const { path, method, one } of operations) {
    if (method !== 'get' || path.includes('{')) continue
    const { status } = await fetch(`${server}${path}`)
    assert.equal(status === 401, one.security === undefined, path)
  }
})

test('what a server really answers is as it is described', async () => {
  const send = (body: unknown) => as(ci, { body: JSON.stringify(body) })
  const made = await api.ask('POST', '/v1/deploys', send(wish))
  const { id } = made.body as { readonly id: string }
  assert.equal((await api.ask('POST', '/v1/deploys?wait=10s', send(wish))).status, 200)
  assert.equal((await api.ask('POST', '/v1/deploys', send({ cluster: '../x', more: 1 }))).status, 400)
  assert.equal((await api.ask('POST', '/v1/deploys?wait=soon', send(wish))).status, 400)
  assert.equal((await api.ask('POST', '/v1/deploys', send({ ...wish, cluster: 'other' }))).status, 403)
  assert.equal((await api.ask('POST', '/v1/deploys', { body: '{}' })).status, 401)
  assert.equal((await api.ask('GET', `/v1/deploys/${id}`, as(ci))).status, 200)
  assert.equal((await api.ask('GET', '/v1/deploys/x', as(ci))).status, 404)
  assert.equal((await api.ask('GET', '/v1/deploys?limit=2', as(ops))).status, 200)
  assert.equal((await api.ask('GET', '/v1/deploys?limit=0', as(ops))).status, 400)
  assert.equal((await api.ask('GET', '/v1/deploys?cursor=x&cluster=a%2Fb', as(ops))).status, 400)
  assert.equal((await api.ask('DELETE', `/v1/deploys/${id}`, as(ci))).status, 409)
  assert.equal((await api.ask('GET', `/v1/deploys/${id}/events`, as(ci))).status, 200)
  assert.equal((await api.ask('GET', '/v1/clusters', as(ops))).status, 200)
  assert.equal((await api.ask('GET', '/v1/clusters/my-prod/releases', as(ops))).status, 200)
  assert.equal((await api.ask('GET', '/v1/clusters/my-prod/plan', as(ops))).status, 200)
  const back = { cluster: 'my-prod', release: 'app/web' }
  assert.equal((await api.ask('POST', '/v1/rollbacks', as(ops, { body: JSON.stringify(back) }))).status, 202)
  assert.equal((await api.ask('GET', '/v1/audit', as(ops))).status, 200)
  assert.equal((await api.ask('GET', '/v1/audit?after=x', as(ops))).status, 400)
  for (const path of ['/', '/healthz', '/readyz', '/metrics', '/openapi.json'])
    assert.equal((await api.ask('GET', path, as(ops))).status, 200)
  const fields = { triggerRepo: wish.source, imageRepo: 'ghcr.io/acme/web', imageTag: 'v1', author: 'a' }
  const form = (more: object) => ({
    headers: { authorization: `Bearer ${ci}` },
    body: new URLSearchParams({ ...fields, ...more }),
  })
  assert.equal((await api.ask('POST', '/deploy', form({ cluster: 'my-prod' }))).status, 200)
  assert.equal((await api.ask('POST', '/deploy', form({}))).status, 400)
  assert.equal((await api.ask('POST', '/deploy/dockerhub', as(ci, { body: '{}' }))).status, 400)
  const endless = ['follow']
  const names = operations.map(({ one }) => one.operationId)
  assert.deepEqual(
    names.filter((name) => !api.asked.has(name)),
    endless,
    'every other route was asked',
  )
})

test('what the description says of a body is what the route takes', async () => {
  const bodies: [body: object, takes: boolean][] = [
    [wish, true],
    [{ ...wish, author: 'Ada' }, true],
    [{ ...wish, author: '' }, false],
    [{ ...wish, more: 1 }, false],
    [{ cluster: 'my-prod' }, false],
    [{ ...wish, image: 7 }, false],
  ]
  for (const [body, takes] of bodies) {
    assert.equal(api.wants('deploy', body) === undefined, takes, JSON.stringify(body))
    const { status } = await api.ask('POST', '/v1/deploys', as(ops, { body: JSON.stringify(body) }))
    assert.equal(status < 300, takes, JSON.stringify(body))
  }
})
