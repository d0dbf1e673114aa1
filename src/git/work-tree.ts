/**
 * The files of a clone as they lie in its work tree, committed or not: for a look before the commit. Only read; what
 * git ignores is not there.
 *
 * @module
 */
import { lstat, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Entry, Files } from '../ports.ts'
import { gitError, tooLarge } from './error.ts'
import type { Git } from './program.ts'

/** Looks into a work tree. The object id of a file is its path. */
export function workTree(git: Git, folder: string): Files {
  return {
    async tree(_, below) {
      const args = [
        'ls-files',
        '-z',
        '--cached',
        '--others',
        '--exclude-standard',
        '--',
        ...(below === '' ? [] : [below]),
      ]
      const ran = await git([`--work-tree=${folder}`, ...args], { cwd: folder })
      if (ran.code !== 0) throw gitError('ls-files', ran)
      const paths = [...new Set(ran.stdout.toString('utf8').split('\0'))].filter((path) => path !== '').toSorted()
      const entries = await Promise.all(paths.map(async (path) => [path, await entryOf(folder, path)] as const))
      return new Map(entries.flatMap(([path, entry]) => (entry === undefined ? [] : [[path, entry] as const])))
    },
    async read(paths, limit = 4 * 1024 * 1024) {
      return new Map(await Promise.all(paths.map(async (path) => [path, await contents(folder, path, limit)] as const)))
    },
  }
}

/** `undefined` for a file that git knows and that was deleted since. */
async function entryOf(folder: string, path: string): Promise<Entry | undefined> {
  const found = await lstat(join(folder, path)).catch(() => undefined)
  if (found === undefined) return undefined
  return { mode: found.isSymbolicLink() ? '120000' : found.isDirectory() ? '160000' : '100644', oid: path }
}

async function contents(folder: string, path: string, limit: number): Promise<Uint8Array> {
  const file = join(folder, path)
  const { size } = await lstat(file)
  if (size > limit) throw tooLarge(path, size, limit)
  return readFile(file)
}
