/**
 * `GET /v1/audit`: the audit trail, page by page.
 *
 * @module
 */
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { Chained } from '../release/audit.ts'
import { failure, json, named, object } from './shapes.ts'
import { callerOf } from './auth.ts'
import { addRoute, wholeNumber } from './route.ts'

/** Reads up to `limit` entries after the `after`th. */
export type TrailReader = (wanted: { readonly after: number; readonly limit: number }) => Promise<readonly Chained[]>

const pageSize = 1_000

const chained = object<Chained>()('AuditEntry', {
  n: z.int(),
  at: z.int().describe('Milliseconds since the epoch.'),
  entry: z.string().describe('The entry as JSON, byte for byte as the hash covers it.'),
  hash: z.string(),
})

const auditRead = {
  method: 'GET',
  path: '/v1/audit',
  name: 'audit',
  does: 'The audit trail: who asked for what, allowed by which rule, and what came of it.',
  query: z.object({
    after: wholeNumber(0, 'it is no whole number from 0 on')
      .default(0)
      .describe('The n of the last entry that is known.'),
  }),
  answers: {
    200: {
      means: `Up to ${pageSize} entries, the oldest first.`,
      contents: json(named('AuditPage', z.object({ entries: z.array(chained) }))),
    },
    default: failure,
  },
} as const

/** Adds the route; it is for those who may administer the server. */
export function auditRoute(app: FastifyInstance, read: TrailReader): void {
  addRoute(app, auditRead, async ({ query, request }) => {
    callerOf(request).allow({ verb: 'admin' })
    return { entries: await read({ after: query.after, limit: pageSize }) }
  })
}
