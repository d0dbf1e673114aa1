/**
 * What anybody may ask: it says that the server is there, and nothing about what it does.
 *
 * @module
 */
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { type Access, isKnown } from './auth.ts'
import { page } from './page.ts'
import { addRoute } from './route.ts'
import { json, named } from './shapes.ts'

const rootRoute = {
  method: 'GET',
  path: '/',
  name: 'hello',
  does: 'Says that it is there.',
  answers: { 200: { means: 'A page to a browser.', contents: [{ type: 'text/plain' }, { type: 'text/html' }] } },
  identity: 'none',
} as const
const healthRoute = {
  method: 'GET',
  path: '/healthz',
  name: 'health',
  does: 'Whether the process lives.',
  answers: {
    200: {
      means: 'It does.',
      contents: json(named('Health', z.object({ status: z.literal('ok'), version: z.string() }))),
    },
  },
  identity: 'none',
} as const
const readiness = named('Readiness', z.object({ status: z.string(), why: z.string().optional() }))
const readyRoute = {
  method: 'GET',
  path: '/readyz',
  name: 'ready',
  does: 'Whether deploys can be taken.',
  answers: {
    200: { means: 'They can.', contents: json(readiness) },
    503: { means: 'They cannot; `why` is for those who are let in.', contents: json(readiness) },
  },
  identity: 'none',
} as const

export type OpenRoutesOptions = {
  readonly version: string
  /** `undefined` when deploys can be taken, else why not. */
  readonly ready: () => Promise<string | undefined>
  readonly access: Access
}

/** Adds what needs no identity. */
export function openRoutes(app: FastifyInstance, { version, ready, access }: OpenRoutesOptions): void {
  addRoute(app, rootRoute, async ({ request, reply }) => {
    if (/\btext\/html\b/.test(request.headers.accept ?? ''))
      return reply.type('text/html; charset=utf-8').send(page(version))
    return reply.type('text/plain; charset=utf-8').send('hello world!')
  })
  addRoute(app, healthRoute, async () => ({ status: 'ok', version }))
  addRoute(app, readyRoute, async ({ request, reply }) => {
    const why = await ready()
    if (why === undefined) return { status: 'ready' }
    // It names the gitops repo: that is for those only who are let in.
    return reply.code(503).send({ status: 'not ready', ...((await isKnown(request, access)) ? { why } : {}) })
  })
}
