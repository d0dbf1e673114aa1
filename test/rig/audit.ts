/**
 * The audit log of a rig: what was really asked of its API server, and by whom.
 *
 * @module
 */
import { readFileSync } from 'node:fs'

export type Asked = {
  readonly verb: string
  readonly uri: string
  readonly agent: string
  /** Whoever it was done as. */
  readonly user: string
  readonly code: number
  readonly at: Date
}

type Line = {
  readonly stage: string
  readonly verb: string
  readonly requestURI: string
  readonly userAgent?: string
  readonly user?: { readonly username?: string }
  readonly impersonatedUser?: { readonly username?: string }
  readonly responseStatus?: { readonly code?: number }
  readonly requestReceivedTimestamp: string
}

export type AuditFilter = { readonly agent?: RegExp; readonly user?: string; readonly since?: Date }

const writing = new Set(['create', 'update', 'patch', 'delete', 'deletecollection'])

/** All finished requests; a watch counts when it ends. */
export function requests(auditLog: string, { agent, user, since }: AuditFilter = {}): readonly Asked[] {
  return readFileSync(auditLog, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line)
    .filter((line) => line.stage === 'ResponseComplete')
    .map((line) => ({
      verb: line.verb,
      uri: line.requestURI,
      agent: line.userAgent ?? '',
      user: line.impersonatedUser?.username ?? line.user?.username ?? '',
      code: line.responseStatus?.code ?? 0,
      at: new Date(line.requestReceivedTimestamp),
    }))
    .filter((one) => agent?.test(one.agent) ?? true)
    .filter((one) => user === undefined || one.user === user)
    .filter((one) => since === undefined || one.at >= since)
}

/** Those that changed something; dry runs did not. */
export function writes(asked: readonly Asked[]): readonly Asked[] {
  return asked.filter((one) => writing.has(one.verb) && !one.uri.includes('dryRun='))
}
