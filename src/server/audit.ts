/**
 * `GET /v1/audit`: the audit trail, page by page.
 *
 * @module
 */
import type { FastifyInstance } from 'fastify'
import { MgoError } from '../error.ts'
import type { Chained } from '../release/audit.ts'
import { callerOf } from './auth.ts'

/** Reads up to `limit` entries after the `after`th. */
export type TrailReader = (wanted: { readonly after: number; readonly limit: number }) => Promise<readonly Chained[]>

const pageSize = 1_000

/** Adds the route; it is for those who may administer the server. */
export function auditRoute(app: FastifyInstance, read: TrailReader): void {
  app.get<{ Querystring: { readonly after?: string } }>('/v1/audit', async (request) => {
    callerOf(request).allow({ verb: 'admin' })
    const { after = '0' } = request.query
    if (typeof after !== 'string' || !/^\d{1,15}$/.test(after))
      throw new MgoError({
        code: 'REQUEST_INVALID',
        message: 'after is no number of an entry',
        hint: 'Give the n of the last entry that you have: after=1000.',
      })
    return { entries: await read({ after: Number(after), limit: pageSize }) }
  })
}
