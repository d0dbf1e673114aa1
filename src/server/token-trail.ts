/**
 * Takes what was done to static tokens into the audit trail. `mgo token` works beside the server, on a file of its own,
 * and the journal belongs to the server: so the file remembers what the trail does not have yet (docs/decisions/0056).
 *
 * @module
 */
import { messageOf } from '../error.ts'
import { printScope } from '../access/scope.ts'
import type { TokenChange, TokenStore } from '../access/token.ts'
import type { AuditEntry } from '../release/audit.ts'
import type { Patience } from './patience.ts'

export type TokenTrailOptions = {
  /** Those that are open now. */
  readonly stores: () => readonly Pick<TokenStore, 'untold' | 'told'>[]
  /** Adds an entry unless the trail has it. */
  readonly add: (entry: Extract<AuditEntry, { kind: 'token' }>) => Promise<void>
  readonly waits: Patience
  readonly warn: (text: string) => void
}

/** How long a change may be missing from the trail, in milliseconds. */
const everyMs = 2_000

/** Goes on until the server ends; never rejects. */
export async function keepTokenTrail({ stores, add, waits, warn }: TokenTrailOptions): Promise<void> {
  while (waits.state() === 'open') {
    for (const store of stores()) await take(store, add).catch((error: unknown) => warn(missing(error)))
    await waits.atMost(new Promise<never>(() => undefined), everyMs)
  }
}

/** First into the trail, then noted: after a crash in between it is added again, and found there. */
async function take(store: Pick<TokenStore, 'untold' | 'told'>, add: TokenTrailOptions['add']): Promise<void> {
  const changes = await store.untold()
  await Promise.all(changes.map((change) => add(entryOf(change))))
  if (changes.length > 0) await store.told(changes)
}

function entryOf({ id, name, what, by, at, expiresAt, scopes }: TokenChange): Extract<AuditEntry, { kind: 'token' }> {
  return {
    kind: 'token',
    what,
    token: id,
    name,
    ...(by === undefined ? {} : { by }),
    when: new Date(at).toISOString(),
    expires: new Date(expiresAt).toISOString(),
    scopes: scopes.map(printScope),
  }
}

function missing(error: unknown): string {
  return `what was done to tokens is not in the audit trail yet: ${messageOf(error)}`
}
