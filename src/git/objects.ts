/**
 * Reads objects through one long-lived `git cat-file --batch`: to start a program for each look costs more than the look.
 * Blobs have a cache that is bounded in bytes.
 *
 * @module
 */
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { MgoError } from '../error.ts'
import { start, stop } from '../exec.ts'
import type { Commit } from '../release/ids.ts'
import { tooLarge } from './error.ts'
import type { Git } from './program.ts'

const cacheBytes = 128 * 1024 * 1024

export type Objects = {
  /** Blobs. Throws FILE_TOO_LARGE over `limit` bytes, GIT_FAILED where git has no such blob. */
  read(oids: readonly string[], limit: number): Promise<ReadonlyMap<string, Uint8Array>>
  /** The bytes of a tree, by its id or as the root of a commit. Throws GIT_FAILED where git has no such tree. */
  tree(of: { readonly oid: string } | { readonly commit: Commit }): Promise<Uint8Array>
  /** The text of a commit, header and message. Throws GIT_FAILED where git has no such commit. */
  commit(id: Commit): Promise<Uint8Array>
  close(): void
}

/** What is asked for. Over `limit` bytes nothing of it is held. */
type Wanted = { readonly name: string; readonly type: 'blob' | 'tree' | 'commit'; readonly limit: number }
type Waiter = Wanted & {
  readonly resolve: (bytes: Buffer) => void
  readonly reject: (why: unknown) => void
}

/** An object has no path of its own. */
const unnamed = 'a file of the repo'
/** A million files in one folder. */
const treeBytes = 64 * 1024 * 1024
const commitBytes = 4 * 1024 * 1024

/** Opens the reader; the program starts with the first read, and again after it died. */
export function openObjects(git: Git): Objects {
  const cache = new Map<string, Buffer>()
  let cached = 0
  let reader: Reader | undefined

  function ask(wanted: Wanted): Promise<Buffer> {
    // A line is a question: a name of more than one line would be two.
    if (!/^[0-9a-f]{40,64}(?:\^\{tree\})?$/.test(wanted.name)) throw new Error(`not an object id: ${wanted.name}`)
    if (reader === undefined || reader.ended()) reader = startReader(git)
    return reader.read(wanted)
  }

  async function one(oid: string, limit: number): Promise<Buffer> {
    const known = cache.get(oid)
    if (known !== undefined && known.length > limit) throw tooLarge(unnamed, known.length, limit)
    if (known !== undefined) return known
    const bytes = await ask({ name: oid, type: 'blob', limit })
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
    tree: async (of) => {
      const name = 'oid' in of ? of.oid : `${of.commit}^{tree}`
      return ask({ name, type: 'tree', limit: treeBytes })
    },
    commit: (id) => ask({ name: id, type: 'commit', limit: commitBytes }),
    close: () => {
      reader?.close()
      // That it ended is told later: until then it would be asked.
      reader = undefined
    },
  }
}

type Reader = { read(wanted: Wanted): Promise<Buffer>; ended(): boolean; close(): void }

function startReader(git: Git): Reader {
  const child: ChildProcessWithoutNullStreams = start('git', [...git.before, 'cat-file', '--batch'], { env: git.env })
  const waiting: Waiter[] = []
  let over = false
  const fail = () => {
    over = true
    for (const one of waiting.splice(0)) one.reject(lost(one.name))
  }
  child.on('error', fail)
  child.on('close', fail)
  child.stdin.on('error', fail)
  child.stderr.resume()
  child.stdout.on('data', splitter(waiting))
  return {
    read: (wanted) =>
      new Promise((resolve, reject) => {
        waiting.push({ ...wanted, resolve, reject })
        child.stdin.write(`${wanted.name}\n`)
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
    let answer = take(buffer, waiting[0])
    for (; answer.kind !== 'more'; answer = take(buffer, waiting[0])) {
      const waiter = waiting.shift()
      if (answer.kind === 'whole') waiter?.resolve(answer.bytes)
      else waiter?.reject(answer.kind === 'large' ? tooLarge(unnamed, answer.bytes, waiter.limit) : lost(waiter.name))
      skip = Math.max(0, answer.length - buffer.length)
      buffer = buffer.subarray(Math.min(answer.length, buffer.length))
    }
    wanted = answer.wanted
    chunks = [buffer]
    size = buffer.length
  }
}

type Answer =
  | { readonly kind: 'whole'; readonly bytes: Buffer; readonly length: number }
  | { readonly kind: 'missing'; readonly length: number }
  | { readonly kind: 'large'; readonly length: number; readonly bytes: number }
  | { readonly kind: 'more'; readonly wanted: number }

function take(buffer: Buffer, wanted: Wanted | undefined): Answer {
  const newline = buffer.indexOf(10)
  if (newline < 0) return { kind: 'more', wanted: buffer.length + 1 }
  const [, type, length] = buffer.toString('latin1', 0, newline).split(' ')
  if (length === undefined) return { kind: 'missing', length: newline + 1 }
  const end = newline + 1 + Number(length)
  if (wanted === undefined || type !== wanted.type) return { kind: 'missing', length: end + 1 }
  if (Number(length) > wanted.limit) return { kind: 'large', length: end + 1, bytes: Number(length) }
  if (buffer.length < end + 1) return { kind: 'more', wanted: end + 1 }
  return { kind: 'whole', bytes: Buffer.from(buffer.subarray(newline + 1, end)), length: end + 1 }
}

function lost(oid: string): MgoError {
  return new MgoError({
    code: 'GIT_FAILED',
    message: `git cannot read the object ${oid} of the mirror`,
    hint: 'The mirror may be damaged: remove its folder, mgo makes it anew.',
  })
}
