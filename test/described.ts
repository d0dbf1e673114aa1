/**
 * Holds answers to `/openapi.json`: an answer must be one that the description has for its route and status, and may say
 * nothing that is not described.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { Ajv2020 } from 'ajv/dist/2020.js'

type Schema = { readonly [key: string]: unknown }
type Contents = Readonly<Record<string, { readonly schema: Schema; readonly 'x-event-data'?: Schema }>>
export type Operation = {
  readonly operationId: string
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required: boolean }[]
  readonly requestBody?: { readonly content: Contents }
  readonly responses: Readonly<Record<string, { readonly content?: Contents }>>
  readonly security?: readonly object[]
}
export type Description = {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> }
}

export type Described = {
  readonly description: Description
  /** Asks, and holds the answer to the description. Gives its body: JSON as a value, anything else as text. */
  ask(method: string, path: string, init?: RequestInit): Promise<Answered>
  /** Operations that were asked. */
  readonly asked: ReadonlySet<string>
  /** Whether an event of a route is as it is described; why not. */
  event(operation: string, data: unknown): string | undefined
  /** Whether a body is as a route wants it; why not. */
  wants(operation: string, body: unknown): string | undefined
}

export type Answered = { readonly status: number; readonly body: unknown; readonly headers: Headers }

/** Reads the description of a server that runs. */
export async function described(url: string): Promise<Described> {
  const description = (await (await fetch(`${url}/openapi.json`)).json()) as Description
  const asked = new Set<string>()
  const validate = validator(description)
  const operations = operationsOf(description)
  return {
    description,
    asked,
    async ask(method, path, init = {}) {
      const response = await fetch(`${url}${path}`, { method, ...init })
      const text = await response.text()
      const found = operations.find((one) => one.method === method && one.matches(path.split('?')[0] ?? ''))
      assert.ok(found !== undefined, `${method} ${path} is not described`)
      const type = (response.headers.get('content-type') ?? '').split(';')[0] ?? ''
      const { responses, operationId } = found.operation
      const content = (responses[String(response.status)] ?? responses['default'])?.content?.[type]
      const where = `${method} ${path}: ${response.status} ${type}`
      assert.ok(content !== undefined, `${where} is not described: ${text.slice(0, 200)}`)
      const body: unknown = type.endsWith('json') ? JSON.parse(text) : text
      assert.equal(validate(content.schema, body), undefined, `${where}: ${text.slice(0, 500)}`)
      const data = content['x-event-data']
      for (const [, one = ''] of data === undefined ? [] : text.matchAll(/^data: (.*)$/gm))
        assert.equal(validate(data ?? {}, JSON.parse(one)), undefined, `${where}: ${one.slice(0, 500)}`)
      asked.add(operationId)
      return { status: response.status, body, headers: response.headers }
    },
    event(name, data) {
      const found = operations.find(({ operation }) => operation.operationId === name)
      const schema = found?.operation.responses['200']?.content?.['text/event-stream']?.['x-event-data']
      assert.ok(schema !== undefined, name)
      return validate(schema, data)
    },
    wants(name, body) {
      const found = operations.find(({ operation }) => operation.operationId === name)
      const schema = found?.operation.requestBody?.content['application/json']?.schema
      assert.ok(schema !== undefined, name)
      return validate(schema, body)
    },
  }
}

function operationsOf({ paths }: Description) {
  return Object.entries(paths).flatMap(([path, methods]) => {
    const pattern = new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+').replaceAll('.', '\\.')}$`)
    return Object.entries(methods).map(([method, operation]) => {
      return { method: method.toUpperCase(), matches: (text: string) => pattern.test(text), operation }
    })
  })
}

/** What of a value a schema does not allow, or `undefined`. Throws where the schema is none. */
export function validator({ components }: Description): (schema: Schema, value: unknown) => string | undefined {
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, allErrors: true })
  ajv.addKeyword('components')
  const shut = closed(components) as Schema
  return (schema, value) => {
    const valid = ajv.compile({ ...(closed(schema) as Schema), components: shut })
    return valid(value) ? undefined : ajv.errorsText(valid.errors)
  }
}

/** Objects are open, so that answers may grow; in a test whatever grows must be described. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed)
  if (typeof schema !== 'object' || schema === null) return schema
  const inside = Object.fromEntries(Object.entries(schema).map(([key, one]) => [key, closed(one)]))
  return inside['properties'] === undefined ? inside : { additionalProperties: false, ...inside }
}
