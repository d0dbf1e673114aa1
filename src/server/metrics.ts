/**
 * `GET /metrics`, and the count of every request.
 *
 * @module
 */
import type { FastifyInstance } from 'fastify'
import { failure } from './shapes.ts'
import { callerOf } from './auth.ts'
import { addRoute } from './route.ts'

/** `route`: as it is declared, so that no address of a caller becomes a label. */
export type Seen = {
  readonly method: string
  readonly route: string
  readonly status: number
  readonly ms: number
}

export type MetricsDoor = {
  /** Prometheus' text format. */
  readonly text: () => Promise<string>
  readonly http: (seen: Seen) => void
}

const metricsRead = {
  method: 'GET',
  path: '/metrics',
  name: 'metrics',
  does: 'Numbers for Prometheus.',
  answers: { 200: { means: 'Its text format.', contents: [{ type: 'text/plain' }] }, default: failure },
} as const

/** Adds the route, which needs the right to read all, and the hook; before all others, since a hook counts only routes that come after it. */
export function metricsRoute(app: FastifyInstance, { text, http }: MetricsDoor): void {
  app.addHook('onResponse', async ({ method, routeOptions }, { statusCode: status, elapsedTime: ms }) =>
    http({ method, route: routeOptions.url ?? 'none', status, ms }),
  )
  addRoute(app, metricsRead, async ({ request, reply }) => {
    callerOf(request).allow({ verb: 'read' })
    return reply.type('text/plain; version=0.0.4; charset=utf-8').send(await text())
  })
}
