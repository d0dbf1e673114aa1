/**
 * What can be read from an object database alone: trees, trailers, files laid out on disk.
 *
 * @module
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { MgoError } from '../error.ts'
import { requestOf } from '../manifest/message.ts'
import type { LastChange, Repo, Tree } from '../ports.ts'
import { type Commit, parseCommit, type RequestId } from '../release/ids.ts'
import { lineTo, type Mirrored, type Near } from './ancestry.ts'
import { checkPath } from './commits.ts'
import { gitError } from './error.ts'
import type { Objects } from './objects.ts'
import type { Git } from './program.ts'
import { openTrees } from './trees.ts'

export type Reading = Pick<Repo, 'tree' | 'read' | 'requestsIn' | 'changes' | 'lay' | 'history'>

const treesKept = 32
/** What a folder that is laid out may hold at most: a chart, not a disk. */
const layLimit = { files: 5_000, bytes: 64 * 1024 * 1024 }

/** The reading half of a Repo. */
export function reading(git: Git, objects: Objects): Reading {
  const list = openTrees(objects)
  const trees = new Map<string, Promise<Tree>>()
  const tree = (commit: Commit, folder: string): Promise<Tree> => {
    const key = `${commit}:${folder}`
    const known = trees.get(key) ?? list(commit, folder)
    trees.delete(key)
    trees.set(key, known)
    known.catch(() => trees.delete(key))
    for (const old of trees.keys()) if (trees.size > treesKept) trees.delete(old)
    return known
  }
  const read: Repo['read'] = (oids, limit = 4 * 1024 * 1024) => objects.read(oids, limit)
  return {
    tree,
    read,
    requestsIn: (from, to) => requestsIn({ git, objects }, from, to),
    changes: (from, to) => changes(git, from, to),
    history: (commit, path, limit) => history(git, { commit, path, limit }),
    lay: async (commit, folder, into) => layOut(await tree(commit, folder), { folder, into, read }),
  }
}

async function requestsIn(
  { git, objects }: Mirrored,
  from: Commit | undefined,
  to: Commit,
): Promise<ReadonlyMap<RequestId, Commit>> {
  const near = from === undefined ? undefined : await lineTo(from, to, objects)
  const found = new Map<RequestId, Commit>()
  for (const { id, message } of near ?? (await logged(git, from === undefined ? to : `${from}..${to}`))) {
    const request = requestOf(message)
    if (request !== undefined) found.set(request, id)
  }
  return found
}

async function logged(git: Git, range: string): Promise<readonly Near[]> {
  const ran = await git(['log', '-z', '--format=%H%n%B', '--end-of-options', range])
  if (ran.code !== 0) throw gitError('log', ran)
  const commits = ran.stdout.toString('utf8').split('\0')
  return commits.flatMap((one) => {
    const newline = one.indexOf('\n')
    const id = parseCommit(one.slice(0, newline))
    return id === undefined ? [] : [{ id, message: one.slice(newline + 1) }]
  })
}

/** A merge counts as one commit that brought all of its files. */
async function changes(git: Git, from: Commit, to: Commit): Promise<ReadonlyMap<Commit, readonly string[]>> {
  const shape = ['-z', '--first-parent', '-m', '--name-only', '--no-renames', '--format=%x01%H']
  const ran = await git(['log', ...shape, '--end-of-options', `${from}..${to}`])
  if (ran.code !== 0) throw gitError('log', ran)
  const found = new Map<Commit, readonly string[]>()
  for (const one of ran.stdout.toString('utf8').split('\u0001')) {
    const [hash = '', ...files] = one.split(/\0\n?/)
    const commit = parseCommit(hash)
    if (commit !== undefined)
      found.set(
        commit,
        files.filter((path) => path !== ''),
      )
  }
  return found
}

type Past = { readonly commit: Commit; readonly path: string; readonly limit: number }

async function history(git: Git, { commit, path, limit }: Past): Promise<readonly LastChange[]> {
  const format = '--format=%H%x1f%an <%ae>%x1f%aI%x1f%s%x1f%B'
  const ran = await git(['log', `-${limit}`, '-z', format, '--end-of-options', commit, '--', `:(literal)${path}`])
  if (ran.code !== 0) throw gitError('log', ran)
  return ran.stdout
    .toString('utf8')
    .split('\0')
    .flatMap((line) => {
      const [hash, author = '', at = '', subject = '', ...message] = line.split('\u001f')
      const found = parseCommit(hash ?? '')
      if (found === undefined) return []
      return [{ commit: found, author: author.replace(/ <>$/, ''), at, subject, message: message.join('\u001f') }]
    })
}

type Laying = { readonly folder: string; readonly into: string; readonly read: Repo['read'] }

async function layOut(tree: Tree, { folder, into, read }: Laying): Promise<void> {
  if (tree.size > layLimit.files)
    throw chartInvalid(folder, `it has ${tree.size} files; mgo lays out up to ${layLimit.files}`)
  const odd = [...tree].find(([, { mode }]) => mode !== '100644' && mode !== '100755')
  if (odd !== undefined) throw chartInvalid(folder, `${odd[0]} is a symbolic link or a submodule`)
  const blobs = await read([...tree.values()].map((entry) => entry.oid))
  let bytes = 0
  for (const [path, { mode, oid }] of tree) {
    checkPath(path.replace(/(^|\/)\.git(ignore|attributes|keep)$/, '$1_'))
    const content = blobs.get(oid) ?? new Uint8Array()
    bytes += content.length
    if (bytes > layLimit.bytes) throw chartInvalid(folder, 'it is larger than 64 MiB')
    const inside =
      path === folder ? (path.split('/').at(-1) ?? path) : path.slice(folder === '' ? 0 : folder.length + 1)
    const target = join(into, inside)
    await mkdir(dirname(target), { recursive: true, mode: 0o700 })
    await writeFile(target, content, { mode: mode === '100755' ? 0o700 : 0o600 })
  }
}

function chartInvalid(folder: string, why: string): MgoError {
  return new MgoError({
    code: 'CHART_INVALID',
    message: `the folder ${folder} of the repo cannot be used: ${why}`,
    hint: 'Keep plain files in it.',
  })
}
