/**
 * Writes commits with `git fast-import`: no work tree, no index, no branch moves. What is written is checked here as
 * well, because fast-import obeys whatever a field smuggles in (a newline in an author once made a branch).
 *
 * @module
 */
import { readFile, stat } from 'node:fs/promises'
import { MgoError } from '../error.ts'
import type { NewCommit, Tree } from '../ports.ts'
import { type Commit, parseCommit } from '../release/ids.ts'
import type { Person } from '../release/request.ts'
import { gitError } from './error.ts'
import { type Importer, openImporter } from './importer.ts'
import type { Objects } from './objects.ts'
import { type Chain, packChain } from './pack.ts'
import type { Git } from './program.ts'

export type WriteInput = {
  readonly importer: Importer
  readonly base: Commit | undefined
  readonly commits: readonly NewCommit[]
  readonly committer: Person
  /** Entries of the base for the paths that are written. */
  readonly entries: Tree
}

export type Written = Chain & {
  /** The file of the pack that holds all that is new, and nothing else. */
  readonly pack: string | undefined
}

/** Writes a chain of commits upon `base`. */
export async function writeCommits(input: WriteInput): Promise<Written> {
  const { ran, pack } = await input.importer.feed(stream(input))
  const ids = ran.stdout.toString('latin1').trim().split('\n').map(parseCommit)
  if (ran.code !== 0 || ids.length !== input.commits.length || ids.includes(undefined))
    throw gitError('fast-import', ran)
  return { commits: ids.filter((id): id is Commit => id !== undefined), made: input.commits, pack }
}

/** The same in a clone: it is somebody's, so nothing of it is held open. */
export async function writeOnce(git: Git, input: Omit<WriteInput, 'importer'>): Promise<readonly Commit[]> {
  const importer = openImporter(git)
  try {
    return (await writeCommits({ ...input, importer })).commits
  } finally {
    await importer.rest()
  }
}

/** What git itself sends in one piece (http.postBuffer); more is left to it. */
const onePiece = 1024 * 1024

/**
 * The pack of what was written, where it ends in `next` and is small enough for one piece.
 *
 * @param objects - where the pack of fast-import may lack something: to read from
 */
export async function packOf(
  written: Written | undefined,
  next: Commit,
  objects: Objects | undefined,
): Promise<Buffer | undefined> {
  if (written === undefined || written.commits.at(-1) !== next) return undefined
  try {
    const anew = objects === undefined ? undefined : await packChain(written, objects, onePiece)
    return anew ?? (await packFile(written.pack))
  } catch {
    // Rolled up with others meanwhile (packs.ts), or damaged: git packs it anew, and says why it cannot.
    return undefined
  }
}

async function packFile(file: string | undefined): Promise<Buffer | undefined> {
  return file === undefined || (await stat(file)).size > onePiece ? undefined : readFile(file)
}

/** Its name for the branch that it writes on. Reset at the end of a batch, it is none that a ref is made of. */
const ref = 'refs/mgo/work'

function stream({ base, commits, committer, entries }: WriteInput): Buffer {
  const parts: Buffer[] = []
  const modes = new Map([...entries].map(([path, entry]) => [path, entry.mode]))
  commits.forEach((commit, i) => {
    if (i === 0 && base === undefined) parts.push(Buffer.from(`reset ${ref}\n`))
    parts.push(
      Buffer.from(
        `commit ${ref}\nmark :${i + 1}\n${person('author', commit.author, commit.at)}${person('committer', committer, commit.at)}`,
      ),
    )
    parts.push(data(Buffer.from(commit.message)))
    if (i === 0 && base !== undefined) parts.push(Buffer.from(`from ${base}\n`))
    if (i > 0) parts.push(Buffer.from(`from :${i}\n`))
    for (const [path, bytes] of commit.files) {
      checkPath(path)
      if (bytes === undefined) parts.push(Buffer.from(`D ${path}\n`))
      else parts.push(Buffer.from(`M ${modeOf(path, modes)} inline ${path}\n`), data(bytes))
    }
    parts.push(Buffer.from(`\nget-mark :${i + 1}\n`))
  })
  return Buffer.concat([...parts, Buffer.from(`reset ${ref}\n\n`)])
}

function data(bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`data ${bytes.length}\n`), bytes, Buffer.from('\n')])
}

function person(role: string, { name, email }: Person, at: number): string {
  // The border has refused these already; a field that gets here with one is a bug, not a user's mistake.
  if (/[\u0000-\u001f\u007f<>]/.test(name + email))
    throw new Error(`the ${role} of a commit holds a forbidden character`)
  return `${role} ${name.trim()} <${email}> ${Math.floor(at / 1000)} +0000\n`
}

/** Throws unless a path is one that mgo may write: inside the repo, and nothing that git or a file system reads otherwise. */
export function checkPath(path: string): void {
  const parts = path.split('/')
  const odd = parts.some(
    (part) =>
      part === '' ||
      part === '.' ||
      part === '..' ||
      /[. ]$/.test(part) ||
      /^\.git/i.test(part) ||
      part.startsWith('"'),
  )
  if (!odd && path.length <= 1024 && !/[\u0000-\u001f\u007f\\]/.test(path) && path === path.normalize('NFC')) return
  throw new MgoError({
    code: 'EDIT_UNSAFE',
    message: `mgo does not write to the path ${JSON.stringify(path.slice(0, 200))}`,
    hint: 'Rename the file: plain parts, no dots or spaces at the end.',
  })
}

function modeOf(path: string, modes: ReadonlyMap<string, string>): string {
  const mode = modes.get(path) ?? '100644'
  if (mode === '100644' || mode === '100755') return mode
  const kind = mode === '120000' ? 'a symbolic link' : 'not a regular file'
  throw new MgoError({
    code: 'EDIT_UNSAFE',
    message: `${path} is ${kind}`,
    hint: 'mgo edits regular files only. Nothing was written.',
  })
}
