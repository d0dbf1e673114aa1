/**
 * The edited files of a clone, in its work tree and its index. Only the edited files are touched, and only where they lie as they were committed.
 * Line ends that git was told to write (core.autocrlf, eol=crlf) stay as they lie there.
 *
 * @module
 */
import { lstat, readFile, realpath, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { MgoError } from '../error.ts'
import { gitError } from './error.ts'
import type { Git } from './program.ts'

export type CheckedOut = { readonly git: Git; readonly folder: string }

/** A file as it was committed, and as it is to be. */
export type Edited = {
  readonly path: string
  readonly mode: string
  readonly before: Uint8Array
  readonly after: Uint8Array
}

/** Throws GIT_DIRTY unless all of these lie in index and work tree as `HEAD` has them. */
export async function checkClean({ git, folder }: CheckedOut, paths: readonly string[]): Promise<void> {
  const literal = paths.map((path) => `:(literal)${path}`)
  const staged = await git(['diff-index', '--cached', '--name-only', '-z', 'HEAD', '--', ...literal])
  if (staged.code !== 0) throw gitError('diff-index', staged)
  const [first] = staged.stdout.toString('utf8').split('\0')
  if (first !== undefined && first !== '') throw dirty(first)
  const sparse = await sparsePaths(git, literal)
  for (const path of paths) {
    const committed = await git(['cat-file', 'blob', `HEAD:${path}`])
    if ((await lies(join(folder, path), folder, committed.stdout)) !== undefined) continue
    if (!(sparse.has(path) && (await isMissing(join(folder, path))))) throw dirty(path)
  }
}

/** Writes what was edited, where it still lies as it did, and puts it into the index. */
export async function place({ git, folder }: CheckedOut, edited: readonly Edited[]): Promise<void> {
  const sparse = await sparsePaths(
    git,
    edited.map(({ path }) => `:(literal)${path}`),
  )
  for (const { path, before, after } of edited) {
    const target = join(folder, path)
    const how = await lies(target, folder, before)
    // Whoever saved the file while the push was under way keeps what they wrote.
    if (how !== undefined) await replace(target, how === 'with CRLF' ? withCrlf(after) : after)
  }
  await intoIndex(git, edited)
  const kept = edited.map(({ path }) => path).filter((path) => sparse.has(path))
  if (kept.length > 0) await git(['update-index', '--skip-worktree', '--', ...kept], { cwd: folder })
}

async function replace(target: string, bytes: Uint8Array): Promise<void> {
  const { mode } = await lstat(target)
  const temporary = `${target}.mgo-${process.pid}`
  await writeFile(temporary, bytes, { mode: mode & 0o777 })
  await rename(temporary, target)
}

const indexTries = 30

async function intoIndex(git: Git, edited: readonly Edited[]): Promise<void> {
  const lines: string[] = []
  for (const { path, mode, after } of edited) {
    const blob = await git(['hash-object', '-t', 'blob', '--no-filters', '--stdin'], { input: after })
    lines.push(`${mode} ${blob.stdout.toString('latin1').trim()}\t${path}\0`)
  }
  for (let turn = 1; ; turn++) {
    const ran = await git(['update-index', '-z', '--index-info'], { input: lines.join('') })
    if (ran.code === 0) return
    if (turn === indexTries || !/index\.lock/.test(ran.stderr)) throw unindexed(edited, gitError('update-index', ran))
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/** How a file lies in the work tree, or `undefined` where it is not what was committed. A link is never followed. */
async function lies(
  target: string,
  folder: string,
  committed: Uint8Array,
): Promise<'as committed' | 'with CRLF' | undefined> {
  try {
    const parent = join(await realpath(folder), dirname(target).slice(folder.length))
    if ((await realpath(dirname(target))) !== parent || !(await lstat(target)).isFile()) return undefined
    const now = await readFile(target)
    if (now.equals(committed)) return 'as committed'
    return now.equals(withCrlf(committed)) ? 'with CRLF' : undefined
  } catch {
    return undefined
  }
}

async function isMissing(target: string): Promise<boolean> {
  return lstat(target).then(
    () => false,
    (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
  )
}

/** Files that a sparse checkout leaves out. */
async function sparsePaths(git: Git, literal: readonly string[]): Promise<ReadonlySet<string>> {
  const ran = await git(['ls-files', '-t', '-z', '--full-name', '--', ...literal])
  const lines = ran.stdout.toString('utf8').split('\0')
  return new Set(lines.filter((line) => line.startsWith('S ')).map((line) => line.slice(2)))
}

/** Only where no line ends in CRLF yet: git leaves a file that has them already. */
function withCrlf(bytes: Uint8Array): Uint8Array {
  const text = Buffer.from(bytes).toString('latin1')
  return text.includes('\r\n') ? bytes : Buffer.from(text.replaceAll('\n', '\r\n'), 'latin1')
}

function dirty(path: string): MgoError {
  return new MgoError({
    code: 'GIT_DIRTY',
    message: `${path} has changes that are not committed`,
    hint: 'Commit or stash them, then try again. Nothing was written.',
  })
}

function unindexed(edited: readonly Edited[], cause: MgoError): MgoError {
  const paths = edited.map(({ path }) => path).join(' ')
  return new MgoError(
    {
      code: 'GIT_FAILED',
      message: `the commit is made and the files are written, but the index of the clone is not up to date: ${cause.message}`,
      hint: `Is another git at work there? Then: git reset -q -- ${paths}`,
    },
    { cause },
  )
}
