/**
 * Writes commits with `git fast-import`: no work tree, no index, no branch moves. What is written is checked here as
 * well, because fast-import obeys whatever a field smuggles in (a newline in an author once made a branch).
 *
 * @module
 */
import { MgoError } from '../error.ts'
import type { NewCommit, Tree } from '../ports.ts'
import { type Commit, parseCommit } from '../release/ids.ts'
import type { Person } from '../release/request.ts'
import { gitError } from './error.ts'
import type { Git } from './program.ts'

export type WriteInput = {
  readonly git: Git
  readonly base: Commit | undefined
  readonly commits: readonly NewCommit[]
  readonly committer: Person
  /** Entries of the base for the paths that are written. */
  readonly entries: Tree
}

/** Writes a chain of commits upon `base` and gives their ids. */
export async function writeCommits({ git, base, commits, committer, entries }: WriteInput): Promise<readonly Commit[]> {
  const parts: Buffer[] = []
  const ref = `refs/mgo/work/${process.pid}`
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
  const ran = await git(['fast-import', '--quiet', '--force', '--done', '--date-format=raw'], {
    input: Buffer.concat([...parts, Buffer.from('done\n')]),
  })
  const ids = ran.stdout.toString('latin1').trim().split('\n').map(parseCommit)
  if (ran.code !== 0 || ids.length !== commits.length || ids.includes(undefined)) throw gitError('fast-import', ran)
  return ids.filter((id): id is Commit => id !== undefined)
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
