/**
 * `OPTIONS /webhooks/{vendor}/{hook}`: what senders of CloudEvents ask before they send anything (the specification “HTTP
 * 1.1 Web Hooks for Event Delivery”). It proves nothing of the sender and opens nothing: each delivery proves itself.
 *
 * @module
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { z } from 'zod'
import { MgoError } from '../error.ts'
import { addRoute } from './route.ts'
import { failure } from './shapes.ts'

export type HelloOptions = {
  readonly path: string
  readonly params: z.ZodObject
  /** Throws REQUEST_UNKNOWN where the address is no hook's. */
  readonly find: (request: FastifyRequest) => unknown
  /** Deliveries that a hook takes in a minute. */
  readonly perMinute: () => number
}

/** Adds the route. */
export function helloRoute(app: FastifyInstance, { path, params, find, perMinute }: HelloOptions): void {
  const route = {
    method: 'OPTIONS',
    path,
    name: 'webhookHello',
    does: 'Tells a sender of CloudEvents that it may send them here, and how many.',
    params,
    headers: { 'WebHook-Request-Origin': 'Who is going to send: a host name.' },
    answers: {
      200: {
        means: 'It may.',
        headers: {
          'WebHook-Allowed-Origin': 'Whoever asked.',
          'WebHook-Allowed-Rate': 'So many deliveries a minute.',
          Allow: 'POST.',
        },
      },
      default: failure,
    },
    identity: 'hook',
  } as const
  addRoute(app, route, async ({ request, reply }) => {
    find(request)
    const origin = request.headers['webhook-request-origin']
    if (typeof origin !== 'string' || !/^[A-Za-z0-9.:*-]{1,255}$/.test(origin)) throw nobody()
    void reply.headers({
      'webhook-allowed-origin': origin,
      'webhook-allowed-rate': String(perMinute()),
      allow: 'POST',
    })
    return reply.send()
  })
}

function nobody(): MgoError {
  return new MgoError({
    code: 'REQUEST_INVALID',
    message: 'the header WebHook-Request-Origin is missing, or names no host',
    hint: 'Send the host that is going to send events; a delivery itself is a POST.',
  })
}
