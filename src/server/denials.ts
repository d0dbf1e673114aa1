/**
 * Puts into the audit trail who was denied what: the same thing once a minute at most, for a job that tries again and
 * again must not fill the disk.
 *
 * @module
 */
import type { Wish } from '../access/grant.ts'
import { printImage } from '../release/image.ts'
import type { AuditEntry } from '../release/audit.ts'

export type DenialsOptions = {
  readonly add: (entry: AuditEntry) => Promise<void>
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly warn: (text: string) => void
}

const againMs = 60_000
/** Different denials within a minute at most; more are an attack that the metrics show. */
const most = 1_000

/** Makes the writer. Nobody waits for it. */
export function denials({ add, now, warn }: DenialsOptions): (principal: string, wish: Wish) => void {
  const noted = new Map<string, number>()
  return (principal, { verb, cluster, source, image }) => {
    const entry = {
      kind: 'denied',
      principal,
      verb,
      ...(cluster === undefined ? {} : { cluster }),
      ...(source === undefined ? {} : { source }),
      ...(image === undefined ? {} : { image: printImage(image) }),
    } as const
    const key = JSON.stringify(entry)
    for (const [old, at] of noted) if (now() - at > againMs) noted.delete(old)
    if (noted.has(key) || noted.size >= most) return
    noted.set(key, now())
    add(entry).catch((error: unknown) => warn(`a denial is not in the audit trail: ${String(error)}`))
  }
}
