/**
 * A pack of a few commits with all that they changed, made here. What `fast-import` leaves will not always do: it leaves out what
 * the mirror holds already, also from a push that lost its race, and the server then lacks it.
 *
 * Format: gitformat-pack(5).
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { constants, deflate } from 'node:zlib'
import type { NewCommit } from '../ports.ts'
import type { Commit } from '../release/ids.ts'
import type { Objects } from './objects.ts'
import { folderMode, parseTree } from './trees.ts'

const types = { commit: 1, tree: 2, blob: 3 } as const

export type PackObject = { readonly type: keyof typeof types; readonly bytes: Uint8Array }

export type Chain = { readonly commits: readonly Commit[]; readonly made: readonly NewCommit[] }

/** More commits are one another's base so often that whole objects do not pay. */
const mostCommits = 32

/**
 * The pack of a chain of commits: each with the trees on the way to its files, and these. `undefined` where it would hold more than
 * `mostBytes` before it is compressed.
 *
 * @throws MgoError GIT_FAILED where the mirror lacks one of them
 */
export async function packChain(
  { commits, made }: Chain,
  objects: Pick<Objects, 'commit' | 'tree'>,
  mostBytes: number,
): Promise<Buffer | undefined> {
  if (commits.length > mostCommits) return undefined
  const gathered: Gathered = { found: new Map(), bytes: 0, mostBytes, objects }
  for (const [i, id] of commits.entries()) {
    const bytes = await objects.commit(id)
    keep(gathered, id, { type: 'commit', bytes })
    const root = /^tree ([0-9a-f]+)$/m.exec(Buffer.from(bytes).toString('latin1'))?.[1] ?? ''
    await gather({ oid: root, files: [...(made[i]?.files ?? [])] }, gathered)
  }
  return gathered.bytes > mostBytes ? undefined : encode([...gathered.found.values()])
}

type Gathered = {
  readonly found: Map<string, PackObject>
  bytes: number
  readonly mostBytes: number
  readonly objects: Pick<Objects, 'tree'>
}

function keep(gathered: Gathered, oid: string, object: PackObject): void {
  if (!gathered.found.has(oid)) gathered.bytes += object.bytes.length
  gathered.found.set(oid, object)
}

type Folder = {
  readonly oid: string
  readonly files: readonly (readonly [path: string, bytes: Uint8Array | undefined])[]
}

/** Paths count from the folder. One that is not in its tree was deleted. */
async function gather({ oid, files }: Folder, gathered: Gathered): Promise<void> {
  if (gathered.bytes > gathered.mostBytes) return
  const bytes = await gathered.objects.tree({ oid })
  keep(gathered, oid, { type: 'tree', bytes })
  const byName = Map.groupBy(files, ([path]) => path.split('/', 1)[0] ?? '')
  for (const { name, mode, oid: below } of parseTree(bytes, oid.length / 2)) {
    const [first, ...others] = byName.get(name) ?? []
    if (first === undefined) continue
    if (mode === folderMode) {
      const inside = [first, ...others].map(([path, content]) => [path.slice(name.length + 1), content] as const)
      await gather({ oid: below, files: inside }, gathered)
    } else if (first[1] !== undefined) keep(gathered, below, { type: 'blob', bytes: first[1] })
  }
}

const compress = promisify(deflate)

/** Writes a pack of whole objects, no two of them the same. */
export async function encode(objects: readonly PackObject[]): Promise<Buffer> {
  const head = Buffer.from('PACK\0\0\0\u0002\0\0\0\0', 'latin1')
  head.writeUInt32BE(objects.length, 8)
  const level = { level: constants.Z_BEST_SPEED }
  const parts = await Promise.all(
    objects.map(async ({ type, bytes }) => [headOf(types[type], bytes.length), await compress(bytes, level)]),
  )
  const pack = Buffer.concat([head, ...parts.flat()])
  return Buffer.concat([pack, createHash('sha1').update(pack).digest()])
}

/** Type and length: four bits of it, then seven by seven, the low ones first. */
function headOf(type: number, length: number): Buffer {
  const bytes = [(type << 4) | (length & 15)]
  for (let rest = Math.floor(length / 16); rest > 0; rest = Math.floor(rest / 128)) {
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) | 128
    bytes.push(rest & 127)
  }
  return Buffer.from(bytes)
}
