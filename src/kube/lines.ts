/**
 * The body of a watch, line by line: each holds one event as JSON.
 *
 * @module
 */
import type { K8sObject } from '../release/object.ts'
import { isRecord, parsed, strange } from './body.ts'
import type { Status } from './error.ts'

export type Line = { readonly type: string; readonly object: K8sObject & Status }

/** A line holds one object; etcd takes none over 1.5 MiB, and JSON is larger than protobuf. */
const lineBytes = 16 * 1024 * 1024

/** Reads a body to its end. Throws KUBE_FAILED where a line is larger than any object can be, or is no event. */
export async function* lines(body: AsyncIterable<Uint8Array>, limit = lineBytes): AsyncGenerator<Line> {
  let parts: Buffer[] = []
  let size = 0
  for await (const chunk of body) {
    let rest = Buffer.from(chunk)
    for (let newline = rest.indexOf(10); newline >= 0; newline = rest.indexOf(10)) {
      const line = Buffer.concat([...parts, rest.subarray(0, newline)]).toString('utf8')
      parts = []
      size = 0
      rest = rest.subarray(newline + 1)
      if (line.trim() !== '') yield lineOf(line)
    }
    parts.push(rest)
    size += rest.length
    if (size > limit) throw strange(`one line of its watch is larger than ${limit >> 20} MiB`)
  }
}

function lineOf(text: string): Line {
  const event = parsed(text)
  if (isRecord(event) && typeof event['type'] === 'string' && isRecord(event['object'])) {
    // Only what failed comes without metadata: a Status.
    if (event['type'] === 'ERROR' || isRecord(event['object']['metadata'])) return event as Line
  }
  throw strange('a line of its watch is no event')
}
