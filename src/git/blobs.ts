/**
 * Reads blobs through one long-lived `git cat-file --batch`, with a cache that is bounded in bytes.
 *
 * @module
 */
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { MgoError } from '../error.ts'
import { start, stop } from '../exec.ts'
import type { Git } from './program.ts'

const cacheBytes = 128 * 1024 * 1024

export type Blobs = {
  /** Throws FILE_TOO_LARGE over `limit` bytes, GIT_FAILED where git has no such blob. */
  read(oids: readonly string[], limit: number): Promise<ReadonlyMap<string, Uint8Array>>
  close(): void
}

type Waiter = {
  readonly oid: string
  readonly limit: number
  readonly resolve: (bytes: Buffer) => void
  readonly reject: (why: unknown) => void
}

/** Opens the reader; the program starts with the first read, and again after it died. */
export function openBlobs(git: Git): Blobs {
  const cache = new Map<string, Buffer>()
  let cached = 0
  let reader: Reader | undefined

  async function one(oid: string, limit: number): Promise<Buffer> {
    const known = cache.get(oid)
    if (known !== undefined && known.length > limit) throw tooLarge(known.length, limit)
    if (known !== undefined) return known
    if (!/^[0-9a-f]{40,64}$/.test(oid)) throw new Error(`not an object id: ${oid}`)
    if (reader === undefined || reader.ended()) reader = startReader(git)
    const bytes = await reader.read(oid, limit)
    cache.set(oid, bytes)
    cached += bytes.length
    for (const [old, { length }] of cache) {
      if (cached <= cacheBytes) break
      cache.delete(old)
      cached -= length
    }
    return bytes
  }

  return {
    read: async (oids, limit) =>
      new Map(await Promise.all(oids.map(async (oid) => [oid, await one(oid, limit)] as const))),
    close: () => reader?.close(),
  }
}

type Reader = { read(oid: string, limit: number): Promise<Buffer>; ended(): boolean; close(): void }

function startReader(git: Git): Reader {
  const child: ChildProcessWithoutNullStreams = start('git', [...git.before, 'cat-file', '--batch'], { env: git.env })
  const waiting: Waiter[] = []
  let over = false
  const fail = () => {
    over = true
    for (const one of waiting.splice(0)) one.reject(lost(one.oid))
  }
  child.on('error', fail)
  child.on('close', fail)
  child.stdin.on('error', fail)
  child.stderr.resume()
  child.stdout.on('data', splitter(waiting))
  return {
    read: (oid, limit) =>
      new Promise((resolve, reject) => {
        waiting.push({ oid, limit, resolve, reject })
        child.stdin.write(`${oid}\n`)
      }),
    ended: () => over,
    close: () => stop(child),
  }
}

/**
 * Hands each whole answer to the waiter it belongs to. Chunks are joined only when an answer is complete: a large blob
 * comes in many. One over its limit is never held: its bytes are let go as they come.
 */
function splitter(waiting: Waiter[]): (chunk: Buffer) => void {
  let chunks: Buffer[] = []
  let size = 0
  let wanted = 1
  let skip = 0
  return (all) => {
    const chunk = all.subarray(Math.min(skip, all.length))
    skip -= all.length - chunk.length
    chunks.push(chunk)
    size += chunk.length
    if (size < wanted) return
    let buffer = Buffer.concat(chunks)
    let answer = take(buffer, waiting[0]?.limit)
    for (; answer.kind !== 'more'; answer = take(buffer, waiting[0]?.limit)) {
      const waiter = waiting.shift()
      if (answer.kind === 'blob') waiter?.resolve(answer.bytes)
      else waiter?.reject(answer.kind === 'large' ? tooLarge(answer.bytes, waiter.limit) : lost(waiter.oid))
      skip = Math.max(0, answer.length - buffer.length)
      buffer = buffer.subarray(Math.min(answer.length, buffer.length))
    }
    wanted = answer.wanted
    chunks = [buffer]
    size = buffer.length
  }
}

type Answer =
  | { readonly kind: 'blob'; readonly bytes: Buffer; readonly length: number }
  | { readonly kind: 'missing'; readonly length: number }
  | { readonly kind: 'large'; readonly length: number; readonly bytes: number }
  | { readonly kind: 'more'; readonly wanted: number }

function take(buffer: Buffer, limit = Number.POSITIVE_INFINITY): Answer {
  const newline = buffer.indexOf(10)
  if (newline < 0) return { kind: 'more', wanted: buffer.length + 1 }
  const [, type, length] = buffer.toString('latin1', 0, newline).split(' ')
  if (length === undefined) return { kind: 'missing', length: newline + 1 }
  const end = newline + 1 + Number(length)
  if (type !== 'blob') return { kind: 'missing', length: end + 1 }
  if (Number(length) > limit) return { kind: 'large', length: end + 1, bytes: Number(length) }
  if (buffer.length < end + 1) return { kind: 'more', wanted: end + 1 }
  return { kind: 'blob', bytes: Buffer.from(buffer.subarray(newline + 1, end)), length: end + 1 }
}

function lost(oid: string): MgoError {
  return new MgoError({
    code: 'GIT_FAILED',
    message: `git cannot read the object ${oid} of the mirror`,
    hint: 'The mirror may be damaged: remove its folder, mgo makes it anew.',
  })
}

function tooLarge(bytes: number, limit: number): MgoError {
  return new MgoError({
    code: 'FILE_TOO_LARGE',
    message: `a file of the repo has ${bytes} bytes; mgo reads up to ${limit}`,
    hint: 'Split the file, or take it out of installations/.',
  })
}
