/**
 * The body of a watch, line by line: each holds one event as JSON.
 *
 * @module
 */
import type { K8sObject } from '../release/object.ts'
import { type Status, statusError } from './error.ts'

export type Line = { readonly type: string; readonly object: K8sObject & Status }

/** A line holds one object; etcd takes none over 1.5 MiB, and JSON is larger than protobuf. */
const lineBytes = 16 * 1024 * 1024

/** Reads a body to its end. Throws KUBE_FAILED where a line is larger than any object can be. */
export async function* lines(body: AsyncIterable<Uint8Array>): AsyncGenerator<Line> {
  let parts: Buffer[] = []
  let size = 0
  for await (const chunk of body) {
    let rest = Buffer.from(chunk)
    for (let newline = rest.indexOf(10); newline >= 0; newline = rest.indexOf(10)) {
      const line = Buffer.concat([...parts, rest.subarray(0, newline)])
      parts = []
      size = 0
      rest = rest.subarray(newline + 1)
      if (line.length > 0) yield JSON.parse(line.toString('utf8')) as Line
    }
    parts.push(rest)
    size += rest.length
    if (size > lineBytes) throw statusError('watch', 500, { message: 'one line of the watch is larger than 16 MiB' })
  }
}
