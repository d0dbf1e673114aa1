/**
 * `POST /webhooks/{vendor}/{hook}`: a push to a registry becomes a deploy, a push to the gitops repo a sync.
 *
 * Nothing of a body is received for an address that is no hook's, nothing of it is read before its proof was checked
 * (but for the greeting of a vendor that proves itself later, which decides nothing), and an event that asks for nothing
 * is a 2xx: senders give up on hooks that fail.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import type { HeldMemory } from '../release/held.ts'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { MgoError } from '../error.ts'
import type { Delivery, Heard, Hook, Vendor } from '../request/hook.ts'
import { hear } from '../request/hook-hear.ts'
import type { Passed } from '../request/hook-match.ts'
import { failure, json, named, object, requestId } from './shapes.ts'
import type { HookBounds } from './auth.ts'
import { delivery, deliveryRoutes, shownHeld } from './deliveries.ts'
import { addressBook, type Found } from './hook-book.ts'
import type { Delivered } from './hook-deliver.ts'
import { helloRoute } from './hook-hello.ts'
import type { Taken, Told } from './hook-take.ts'
import { proven, type VerifyToken } from './hook-proof.ts'
import { addRoute } from './route.ts'

export type WebhookOptions = {
  /** Those of the moment: settings change while a server runs. */
  readonly hooks: () => readonly Hook[]
  readonly bounds: HookBounds
  readonly verify: VerifyToken
  readonly deliver: (told: Told) => Promise<Delivered>
  readonly held: Pick<HeldMemory, 'find' | 'newest'>
  /** Branches moved: why nothing is done about it, or `undefined`. */
  readonly moved: (branches: readonly string[]) => string | undefined
  readonly now: () => number
}

/** GitHub sends up to 25 MB for a push with thousands of commits; who needs that has the look once a minute. */
const bodyLimit = 1024 * 1024
/**
 * Retries come within minutes of the first try; the same tag pushed again is a deploy of its own later on. A retry does not
 * make them longer: a tag that is pushed every few minutes must be deployed, too.
 */
const windowMs = 10 * 60 * 1000
/** A registry may tell of thousands of pulls at once. */
const mostTold = 50

const passed = object<Passed>()('PassedImage', { image: z.string(), why: z.string() })
const taken = object<Taken & { readonly location: string }>()('HookDeploy', {
  id: requestId,
  cluster: z.string(),
  source: z.string(),
  image: z.string(),
  again: z.boolean().describe('An earlier try of the same delivery had it accepted.'),
  location: z.string(),
})
const heardAs = named(
  'HookAnswer',
  z.object({
    status: z.enum(['accepted', 'ignored']),
    hook: z.string(),
    why: z.string().optional(),
    deploys: z.array(taken).optional(),
    waiting: z.array(delivery).optional().describe('Pushes whose registry cannot say their digest yet.'),
    ignored: z.array(passed).optional(),
    more: z.int().optional().describe('So many more were ignored.'),
  }),
)

const greetedAs = named('HookGreeting', z.object({ validationResponse: z.string() }))
const path = '/webhooks/{vendor}/{hook}'
const params = z.object({ vendor: z.string(), hook: z.string().describe('The id of a hook in the server’s settings.') })

const hookRoute = {
  method: 'POST',
  path,
  name: 'webhook',
  does: 'What registries and git hosts call. Each vendor proves itself in its own way: docs/webhooks.md.',
  params,
  body: [{ type: 'application/json' }],
  answers: {
    200: { means: 'It asks for nothing, or for its own words.', contents: json(z.union([heardAs, greetedAs])) },
    202: { means: 'What it asks for is on disk.', contents: json(heardAs) },
    default: failure,
  },
  identity: 'hook',
  bodyLimit,
} as const

type Params = { readonly vendor: string; readonly hook: string }

/** Adds the route. */
export function webhookRoutes(app: FastifyInstance, options: WebhookOptions): void {
  const { held, bounds } = options
  deliveryRoutes(app, held)
  const known = addressBook(options.hooks)
  const find = ({ params }: FastifyRequest): Found => {
    const { vendor, hook } = params as Params
    const found = known(vendor, hook)
    if (found === undefined) throw nowhere()
    return found
  }
  helloRoute(app, { path, params, find, perMinute: bounds.perMinute })
  void app.register(async (scope) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser(
      /^application\/(?:[a-z0-9.-]{1,80}\+)?json\b/i,
      { parseAs: 'buffer' },
      async (_: unknown, body: Buffer) => body,
    )
    scope.addHook('onRequest', async (request) => {
      find(request)
      refuseEncoded(request)
    })
    addRoute(scope, hookRoute, async ({ request, reply }) =>
      receive(request, reply, { ...options, found: find(request) }),
    )
  })
}

type Course = WebhookOptions & { readonly found: Found }

async function receive(
  { headers, body: raw, ip }: FastifyRequest,
  reply: FastifyReply,
  course: Course,
): Promise<unknown> {
  const { found, verify, deliver, moved, now, bounds } = course
  const { hook, vendor } = found
  const atMs = now()
  const bytes = Buffer.isBuffer(raw) ? raw : Buffer.alloc(0)
  const flat = flatHeaders(headers)
  const how = await proven({ headers: flat, body: bytes, atMs }, { ...found, verify })
  if (how === undefined) {
    bounds.failed(ip)
    const greeting = vendor.greets?.(flat) === true ? hear(vendor, { headers: flat, body: parse(bytes) }) : undefined
    if (greeting?.kind === 'greeted') return greeting.answer
    throw unproven(hook)
  }
  bounds.delivered(hook.name)
  const received: Delivery = { headers: flat, body: parse(bytes) }
  const heard = hear(vendor, received)
  switch (heard.kind) {
    case 'unreadable':
      throw unreadable(vendor, heard)
    case 'ignored':
      return ignored(heard.why, hook)
    case 'greeted':
      return heard.answer
    case 'moved': {
      const why = moved(heard.branches)
      return why === undefined ? reply.code(202).send({ status: 'accepted', hook: hook.name }) : ignored(why, hook)
    }
    case 'pushed': {
      const same = sameAs(vendor, { bytes, body: received.body, atMs })
      const done = await deliver({ hook, how, ...same, artifacts: heard.artifacts, by: heard.by })
      return reply.code(isTaken(done) ? 202 : 200).send(shown(done, hook))
    }
  }
}

function ignored(why: string, { name }: Hook) {
  return { status: 'ignored', hook: name, why }
}

function isTaken({ deploys, waiting }: Delivered): boolean {
  return deploys.length + waiting.length > 0
}

function shown(done: Delivered, { name }: Hook) {
  const { deploys, waiting, ignored: passed } = done
  const held = waiting.map(({ push, why }) => ({ ...shownHeld({ push }), why, location: `/v1/deliveries/${push.id}` }))
  return {
    status: isTaken(done) ? 'accepted' : 'ignored',
    hook: name,
    deploys: deploys.map((one) => ({ ...one, location: `/v1/deploys/${one.id}` })),
    ...(held.length > 0 ? { waiting: held } : {}),
    ignored: passed.slice(0, mostTold),
    ...(passed.length > mostTold ? { more: passed.length - mostTold } : {}),
  }
}

type Received = { readonly bytes: Buffer; readonly body: unknown; readonly atMs: number }

function sameAs({ name, delivery, timeless }: Vendor, { bytes, body, atMs }: Received): Pick<Told, 'id' | 'since'> {
  const own = delivery?.(body)
  if (own !== undefined) return { id: `${name}:${/^[\x21-\x7e]{1,120}$/.test(own) ? own : sha256(own)}` }
  return { id: `${name}:${sha256(bytes)}`, ...(timeless === true ? { since: atMs - windowMs } : {}) }
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown
  } catch {
    throw new MgoError({
      code: 'REQUEST_INVALID',
      message: 'the body is no JSON in UTF-8',
      hint: 'Let the webhook send JSON (application/json).',
    })
  }
}

/** An unpacked body may be a thousand times its size, and no vendor packs. */
function refuseEncoded({ headers }: FastifyRequest): void {
  const encoding = headers['content-encoding']
  if (encoding === undefined || encoding === 'identity') return
  throw Object.assign(new Error('a packed body is not taken'), { statusCode: 415 })
}

/** The one text that Node made of each; a header that is there twice is joined, and proves nothing then. */
function flatHeaders(headers: FastifyRequest['headers']): Delivery['headers'] {
  const flat = Object.create(null) as Record<string, string | undefined>
  for (const [name, value] of Object.entries(headers)) flat[name] = Array.isArray(value) ? value.join(', ') : value
  return flat
}

function sha256(text: string | Buffer): string {
  return createHash('sha256').update(text).digest('hex')
}

/** The same for a wrong vendor and a wrong id. */
function nowhere(): MgoError {
  return new MgoError({
    code: 'REQUEST_UNKNOWN',
    message: 'there is no such hook',
    hint: 'The address is /webhooks/VENDOR/ID with the id of a hook in the server’s settings.',
  })
}

function unproven({ name }: Hook): MgoError {
  return new MgoError({
    code: 'UNAUTHORIZED',
    message: `the delivery to the hook ${name} does not prove where it comes from`,
    hint: 'Its signature, secret or token is missing or wrong: see docs/webhooks.md for this vendor.',
  })
}

function unreadable({ title }: Vendor, { why }: Extract<Heard, { kind: 'unreadable' }>): MgoError {
  return new MgoError({
    code: 'REQUEST_INVALID',
    message: `this is nothing that ${title} sends: ${why}`,
    hint: 'Is the address of another vendor’s hook used? See docs/webhooks.md.',
  })
}
