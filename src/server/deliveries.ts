/**
 * What became of pushes that had to wait for their registry: `GET /v1/deliveries` and `GET /v1/deliveries/{id}`.
 *
 * @module
 */
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { MgoError } from '../error.ts'
import type { Held, HeldMemory } from '../release/held.ts'
import { parseRequestId } from '../release/ids.ts'
import { failure, json, named, requestId, time } from './shapes.ts'
import { callerOf } from './auth.ts'
import type { Caller } from './caller.ts'
import { addRoute } from './route.ts'

const listed = 200

export const delivery = named(
  'WaitingPush',
  z.object({
    id: requestId,
    status: z.enum(['waiting', 'accepted', 'ignored', 'superseded', 'failed']),
    hook: z.string(),
    cluster: z.string(),
    source: z.string(),
    image: z.string().describe('Once accepted, with its digest.'),
    receivedAt: time,
    until: time.optional().describe('When it is given up.'),
    request: requestId.optional().describe('The deploy that it became.'),
    by: requestId.optional().describe('The later deploy that it must not undo.'),
    why: z.string().optional(),
    code: z.string().optional(),
    hint: z.string().optional(),
    location: z.string().optional(),
  }),
)

const readAll = {
  method: 'GET',
  path: '/v1/deliveries',
  name: 'deliveries',
  does: 'Pushes that had to wait for their registry, and what became of them.',
  answers: {
    200: {
      means: `The newest ${listed}.`,
      contents: json(named('WaitingPushes', z.object({ deliveries: z.array(delivery) }))),
    },
    default: failure,
  },
} as const
const readOne = {
  method: 'GET',
  path: '/v1/deliveries/{id}',
  name: 'delivery',
  does: 'What became of a push that had to wait for its registry.',
  params: z.object({ id: z.string() }),
  answers: { 200: { means: 'How it stands.', contents: json(delivery) }, default: failure },
} as const

/** Adds the routes. What the caller may not see is as if there were none. */
export function deliveryRoutes(app: FastifyInstance, held: Pick<HeldMemory, 'find' | 'newest'>): void {
  addRoute(app, readAll, async ({ request }) => {
    const caller = callerOf(request)
    return { deliveries: (await held.newest(listed)).filter((one) => isSeen(one, caller)).map(shownHeld) }
  })
  addRoute(app, readOne, async ({ params, request }) => {
    const id = parseRequestId(params.id)
    const found = id === undefined ? undefined : await held.find(id)
    if (found === undefined || !isSeen(found, callerOf(request))) throw unknown(params.id)
    return shownHeld(found)
  })
}

function isSeen({ push }: Held, caller: Caller): boolean {
  const { hook, cluster, source, repository, tag, digest } = push
  return caller.sees({ principal: `hook ${hook}`, cluster, source, image: { repository, tag, digest } })
}

/** A held push as JSON. */
export function shownHeld({ push, outcome }: Held) {
  const { id, hook, cluster, source, repository, tag, at, until } = push
  const { kind: status, ...rest } = outcome ?? { kind: 'waiting' as const }
  return {
    id,
    status,
    hook,
    cluster,
    source,
    image: `${repository}:${tag}`,
    receivedAt: new Date(at).toISOString(),
    ...(outcome === undefined ? { until: new Date(until).toISOString() } : {}),
    ...rest,
    ...(outcome?.kind === 'accepted' ? { location: `/v1/deploys/${outcome.request}` } : {}),
  }
}

function unknown(id: string): MgoError {
  return new MgoError({
    code: 'REQUEST_UNKNOWN',
    message: `no push ${JSON.stringify(id.slice(0, 40))} was held`,
    hint: 'Its id is in the answer to the delivery, below waiting.',
  })
}
