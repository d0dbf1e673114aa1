/**
 * How a repeated request is known: by a key that the caller chose, or by a webhook's delivery id.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { MgoError } from '../error.ts'
import type { DeployRequest } from '../release/request.ts'
import type { OnceKey } from './memory.ts'

/** What is asked for, before it has an id. `principal` says who was let in, and scopes the keys. */
export type Asking = Omit<DeployRequest, 'id' | 'acceptedAt'>

/**
 * `key`: the header Idempotency-Key; `of`: what was asked with it, where that is not what the request says. `delivery`: a
 * webhook's own id, under which several images may come; `since`: what was accepted before was another delivery.
 */
export type Once = Question | { readonly delivery: string; readonly since?: number | undefined }
export type Question = { readonly key: string; readonly of?: unknown }

/** The key as the journal keeps it. Keys of different callers never meet. Throws REQUEST_INVALID. */
export function onceKey(asking: Asking, once: Once): OnceKey {
  const scope = asking.principal ?? ''
  if ('delivery' in once) {
    const fingerprint = digest([asking.cluster, asking.source, asking.image])
    return { scope, key: `delivery ${digest(once.delivery)} ${fingerprint}`, fingerprint, since: once.since }
  }
  return {
    scope,
    key: keyOf(once.key),
    fingerprint: digest(
      once.of ?? [asking.cluster, asking.source, asking.image, asking.claimedAuthor ?? asking.author],
    ),
  }
}

/** The key of a question that says itself what it is of. Throws REQUEST_INVALID. */
export function questionKey(principal: string | undefined, { key, of }: Question): OnceKey {
  return { scope: principal ?? '', key: keyOf(key), fingerprint: digest(of) }
}

function keyOf(key: string): string {
  if (!/^[\u0021-\u007e]{1,200}$/.test(key))
    throw new MgoError({
      code: 'REQUEST_INVALID',
      message: 'the header Idempotency-Key is not 1 to 200 printable letters without spaces',
      hint: 'Send a UUID, or the id of the CI job.',
    })
  return `key ${key}`
}

function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex')
}
