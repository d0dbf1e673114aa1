/**
 * What became of pushes that had to wait for their registry: `GET /v1/deliveries` and `GET /v1/deliveries/{id}`.
 *
 * @module
 */
import type { FastifyInstance } from 'fastify'
import { MgoError } from '../error.ts'
import type { Held } from '../release/held.ts'
import { parseRequestId } from '../release/ids.ts'
import { callerOf } from './auth.ts'
import type { Caller } from './caller.ts'
import type { HeldMemory } from './held.ts'

const listed = 200

/** Adds the routes. What the caller may not see is as if there were none. */
export function deliveryRoutes(app: FastifyInstance, held: Pick<HeldMemory, 'find' | 'newest'>): void {
  app.get('/v1/deliveries', async (request) => {
    const caller = callerOf(request)
    return { deliveries: (await held.newest(listed)).filter((one) => isSeen(one, caller)).map(shownHeld) }
  })
  app.get<{ Params: { id: string } }>('/v1/deliveries/:id', async (request) => {
    const id = parseRequestId(request.params.id)
    const found = id === undefined ? undefined : await held.find(id)
    if (found === undefined || !isSeen(found, callerOf(request))) throw unknown(request.params.id)
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
