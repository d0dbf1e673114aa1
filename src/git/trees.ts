/**
 * What a commit holds below a folder, read from the tree objects themselves. A deploy changes one file: of its commit
 * only the folders on the way to it are new, all others are known by their ids.
 *
 * @module
 */
import { MgoError } from '../error.ts'
import type { Entry, Tree } from '../ports.ts'
import type { Commit } from '../release/ids.ts'
import type { Objects } from './objects.ts'

/** `folder` may be a file; then it is all there is. Throws GIT_FAILED, FILE_TOO_LARGE. */
export type Trees = (commit: Commit, folder: string) => Promise<Tree>

type Item = Entry & { readonly name: string }
type Items = readonly Item[]

/** Entries that are kept, all trees together. */
const keptMost = 250_000
/** Entries that are given at most: trees may hold each other over and over, and git does not mind. */
const givenMost = 500_000
export const folderMode = '040000'

/** Opens the reader. */
export function openTrees(objects: Pick<Objects, 'tree'>): Trees {
  const known = new Map<string, Items>()
  let kept = 0
  const items = async (oid: string): Promise<Items> => {
    const before = known.get(oid)
    if (before !== undefined) {
      // The one that was used last is dropped last.
      known.delete(oid)
      known.set(oid, before)
      return before
    }
    const found = parseTree(await objects.tree({ oid }), oid.length / 2)
    known.set(oid, found)
    kept += found.length + 1
    for (const [old, { length }] of known) {
      if (kept <= keptMost || old === oid) break
      known.delete(old)
      kept -= length + 1
    }
    return found
  }
  return async (commit, folder) => {
    const root = parseTree(await objects.tree({ commit }), commit.length / 2)
    const found = new Map<string, Entry>()
    const parts = folder === '' ? [] : folder.split('/')
    let here: Items = root
    for (const [i, part] of parts.entries()) {
      const next = here.find(({ name }) => name === part)
      if (next === undefined) return found
      if (next.mode === folderMode) here = await items(next.oid)
      else return i === parts.length - 1 ? found.set(folder, entryOf(next)) : found
    }
    await gather(here, folder === '' ? '' : `${folder}/`, { items, found, seen: 0 })
    return found
  }
}

type Gathering = {
  readonly items: (oid: string) => Promise<Items>
  readonly found: Map<string, Entry>
  /** Entries and folders so far. */
  seen: number
}

async function gather(here: Items, prefix: string, gathering: Gathering): Promise<void> {
  for (const item of here) {
    if (++gathering.seen > givenMost) throw tooMany(prefix)
    if (item.mode === folderMode) await gather(await gathering.items(item.oid), `${prefix}${item.name}/`, gathering)
    else gathering.found.set(prefix + item.name, entryOf(item))
  }
}

function entryOf({ mode, oid }: Item): Entry {
  return { mode, oid }
}

/** `<mode> <name>\0<id>` one after the other (git-scm.com/book, Git Internals – Git Objects). */
export function parseTree(bytes: Uint8Array, idBytes: number): Items {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const found: Item[] = []
  for (let at = 0; at < buffer.length; ) {
    const space = buffer.indexOf(0x20, at)
    const end = buffer.indexOf(0, space)
    const next = end + 1 + idBytes
    if (space < 0 || end < 0 || next > buffer.length) throw damaged()
    const mode = buffer.toString('latin1', at, space).padStart(folderMode.length, '0')
    const name = buffer.toString('utf8', space + 1, end)
    found.push({ mode, name, oid: buffer.toString('hex', end + 1, next) })
    at = next
  }
  return found
}

function damaged(): MgoError {
  return new MgoError({
    code: 'GIT_FAILED',
    message: 'a tree of the mirror cannot be read',
    hint: 'The mirror may be damaged: remove its folder, mgo makes it anew.',
  })
}

function tooMany(folder: string): MgoError {
  return new MgoError({
    code: 'FILE_TOO_LARGE',
    message: `the folder ${JSON.stringify(folder.slice(0, 200))} holds more than ${givenMost} files`,
    hint: 'Keep what is no part of a cluster’s releases out of installations/.',
  })
}
