/**
 * Helm's release records, by their labels alone: one metadata-only LIST says of every release its newest revision, its
 * state and whether that very revision is ours. Payloads are never listed (905 records: 0.59 MB instead of 41.5 MB).
 *
 * @module
 */
import type { Kube, UnitRecord } from '../ports.ts'
import type { K8sObject } from '../release/object.ts'
import { chartKey } from '../release/release.ts'

export const inputsLabel = 'mgo/inputs'
/** Which process of which machine wrote it: how a dead attempt of ours is told from one that is alive. */
export const writerLabel = 'mgo/writer'

export type HelmRecord = UnitRecord & {
  readonly secret: string
  readonly writer: string | undefined
  readonly namespace: string
}

/** The newest record of each release. */
export async function helmRecords(kube: Kube): Promise<ReadonlyMap<string, HelmRecord>> {
  const secrets = await kube.listMetadata({
    resource: { group: '', version: 'v1', plural: 'secrets', namespaced: true },
    namespace: '',
    labels: 'owner=helm,status!=superseded',
  })
  const newest = new Map<string, HelmRecord>()
  for (const record of secrets.flatMap((secret) => recordOf(secret) ?? [])) {
    const known = newest.get(record.key)
    if (known === undefined || known.revision < record.revision) newest.set(record.key, record)
  }
  return newest
}

function recordOf({ metadata }: K8sObject): HelmRecord | undefined {
  const {
    name,
    version,
    status,
    modifiedAt,
    createdAt,
    [inputsLabel]: inputs,
    [writerLabel]: writer,
  } = metadata.labels ?? {}
  const revision = Number(version)
  if (name === undefined || !Number.isSafeInteger(revision) || metadata.namespace === undefined) return undefined
  const [hash, stamped] = (inputs ?? '').split('.')
  const seconds = Number(modifiedAt ?? createdAt)
  const since = Number.isFinite(seconds) ? new Date(seconds * 1000).toISOString() : metadata.creationTimestamp
  return {
    key: chartKey({ namespace: metadata.namespace, name }),
    revision,
    stamp: Number(stamped) === revision ? hash : undefined,
    state: stateOf(status ?? ''),
    ours: inputs !== undefined,
    secret: metadata.name,
    namespace: metadata.namespace,
    writer: Number(stamped) === revision ? writer : undefined,
    ...(since === undefined ? {} : { since }),
  }
}

function stateOf(status: string): UnitRecord['state'] {
  if (status === 'deployed' || status === 'failed') return status
  return status.startsWith('pending-') ? 'pending' : 'other'
}
