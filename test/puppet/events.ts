/**
 * Events as a kubelet's recorder writes them: a repeated one is counted, not written anew.
 *
 * @module
 */
import { createHash, randomBytes } from 'node:crypto'
import type { K8sObject } from '../../src/release/object.ts'
import { type Api, merge, timestamp } from './api.ts'

export type Said = {
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly message: string
  /** `spec.containers{app}` */
  readonly fieldPath?: string | undefined
}

export type Source = { readonly component: string; readonly host?: string }

/** Writes an event about an object. Never rejects: an event that cannot be written is lost, as it is in life. */
export type Record = (about: K8sObject, said: Said, source: Source) => Promise<void>

/** Makes a recorder. */
export function recorder(api: Api): Record {
  const known = new Map<string, { readonly path: string; count: number }>()
  const busy = new Map<string, Promise<void>>()
  return (about, said, source) => {
    const key = createHash('sha1')
      .update(JSON.stringify([about.metadata.uid, said, source]))
      .digest('hex')
    const write = async () => {
      const old = known.get(key)
      if (old === undefined) {
        const path = await create(api, about, event(about, said, source))
        if (path !== undefined) known.set(key, { path, count: 1 })
        return
      }
      old.count++
      const body = { count: old.count, lastTimestamp: timestamp() }
      await api.ask({ method: 'PATCH', path: old.path, contentType: merge, body })
    }
    // One after the other, so that a count is never lost.
    const next = (busy.get(key) ?? Promise.resolve()).then(write).catch(() => undefined)
    busy.set(key, next)
    return next
  }
}

async function create(api: Api, about: K8sObject, body: K8sObject): Promise<string | undefined> {
  const path = `/api/v1/namespaces/${about.metadata.namespace ?? 'default'}/events`
  const answer = await api.ask({ method: 'POST', path, body })
  return answer.status < 300 ? `${path}/${body.metadata.name}` : undefined
}

function event({ apiVersion, kind, metadata }: K8sObject, said: Said, source: Source): K8sObject {
  const { name, namespace, uid, resourceVersion } = metadata
  const { fieldPath, ...words } = said
  const at = timestamp()
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: `${name}.${randomBytes(8).toString('hex')}`, namespace: namespace ?? 'default' },
    involvedObject: { apiVersion, kind, name, namespace, uid, resourceVersion, fieldPath },
    ...words,
    source,
    reportingComponent: source.component,
    reportingInstance: source.host ?? '',
    firstTimestamp: at,
    lastTimestamp: at,
    count: 1,
  }
}
