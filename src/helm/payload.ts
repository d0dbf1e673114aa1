/**
 * The payload of one release record: what helm keeps of a revision (base64 of gzip of JSON, inside a Secret).
 *
 * @module
 */
import { gunzipSync } from 'node:zlib'
import { MgoError } from '../error.ts'
import { parseObjects } from '../manifest/objects.ts'
import type { Kube } from '../ports.ts'
import type { K8sObject } from '../release/object.ts'

/** A Secret holds 1 MiB at most; what it unpacks to is capped too. */
const unpackedBytes = 64 * 1024 * 1024

export type Payload = {
  readonly manifest: string
  readonly version: number
  readonly info?: { readonly status?: string }
  readonly hooks?: readonly { readonly manifest: string; readonly events?: readonly string[] }[]
}

/** Reads the record of a release by the name of its Secret. */
export async function readPayload(kube: Kube, namespace: string, secret: string): Promise<Payload> {
  const object = await kube.get({ group: '', version: 'v1', kind: 'Secret', namespace, name: secret })
  if (object === undefined) throw damaged(namespace, secret)
  return payloadOf(object)
}

/** What a record's Secret holds. Throws HELM_FAILED where it cannot be read. */
export function payloadOf({ metadata, ...object }: K8sObject): Payload {
  const data = (object['data'] as { readonly release?: string } | undefined)?.release
  if (data === undefined) throw damaged(metadata.namespace ?? '', metadata.name)
  try {
    const packed = Buffer.from(Buffer.from(data, 'base64').toString('latin1'), 'base64')
    const bytes =
      packed[0] === 0x1f && packed[1] === 0x8b ? gunzipSync(packed, { maxOutputLength: unpackedBytes }) : packed
    return JSON.parse(bytes.toString('utf8')) as Payload
  } catch {
    throw damaged(metadata.namespace ?? '', metadata.name)
  }
}

function damaged(namespace: string, secret: string): MgoError {
  return new MgoError({
    code: 'HELM_FAILED',
    message: `helm's record ${namespace}/${secret} cannot be read`,
    hint: 'Look at it with `helm history`; a new deploy writes a new record.',
  })
}

/** The objects of a manifest, with the namespace filled in that they live in. */
export async function manifestObjects(manifest: string, namespace: string, kube: Kube): Promise<readonly K8sObject[]> {
  const parsed = parseObjects(manifest, 'the rendered chart')
  if (parsed.kind === 'refused') {
    const [first] = parsed.problems
    throw new MgoError({
      code: 'CHART_INVALID',
      message: `the chart renders something that is no Kubernetes object: ${first?.message ?? ''}`,
      hint: 'Look at `helm template`; mend the chart or its values.',
    })
  }
  return Promise.all(
    parsed.objects.map(async (object) => {
      if (object.metadata.namespace !== undefined) return object
      const slash = object.apiVersion.indexOf('/')
      const group = slash < 0 ? '' : object.apiVersion.slice(0, slash)
      const resource = await kube.resource(group, object.apiVersion.slice(slash + 1), object.kind)
      return resource?.namespaced === false ? object : { ...object, metadata: { ...object.metadata, namespace } }
    }),
  )
}
