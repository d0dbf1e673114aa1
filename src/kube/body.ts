/**
 * Bodies of an API server as JSON, capped: a server that is broken or not ours must not fill this process’s memory, for
 * other clusters live in it.
 *
 * @module
 */
import { MgoError } from '../error.ts'

/** A page of 500 objects has some megabytes; one object has 1.5 MiB at most (etcd’s limit). */
const bodyBytes = 64 * 1024 * 1024

type Chunks = AsyncIterable<Uint8Array>

/** The whole text. Throws KUBE_FAILED over `limit` bytes, without reading on. */
export async function textOf(body: Chunks, limit = bodyBytes): Promise<string> {
  const parts: Uint8Array[] = []
  let size = 0
  for await (const chunk of body) {
    size += chunk.length
    if (size > limit) throw strange(`its answer is larger than ${limit >> 20} MiB`)
    parts.push(chunk)
  }
  return Buffer.concat(parts).toString('utf8')
}

/** JSON, or `undefined`. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The error of an answer that no API server gives. */
export function strange(why: string): MgoError {
  return new MgoError({
    code: 'KUBE_FAILED',
    message: `the API server does not answer as one: ${why}`,
    hint: 'Is the address in the kubeconfig right, and is what answers there healthy?',
  })
}
