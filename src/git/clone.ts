/**
 * A clone with a work tree: the commit is made on the checked-out branch, only the edited files change in the work tree
 * and the index, and the push goes to the branch's upstream. The push comes first: a push that fails leaves no trace.
 *
 * Where others pushed meanwhile, the commit is made on what they pushed, and the clone is left as it is: catching up
 * would touch files that nobody asked mgo to touch. Ten jobs with a clone each all get through.
 *
 * @module
 */
import { readFile, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { MgoError } from '../error.ts'
import type { NewCommit, Pushed, Repo } from '../ports.ts'
import { type Commit, parseCommit } from '../release/ids.ts'
import { openBlobs } from './blobs.ts'
import { writeCommits } from './commits.ts'
import { gitError } from './error.ts'
import { type OpenOptions, repoPlace } from './place.ts'
import { type Git, gitProgram } from './program.ts'
import { push, remoteTip } from './push.ts'
import { reading } from './reading.ts'
import { workTree } from './work-tree.ts'

type Upstream = { readonly url: string; readonly branch: string }

type Clone = {
  readonly git: Git
  readonly folder: string
  readonly branch: string
  readonly upstream: Upstream | undefined
  readonly beside: Beside
}

/** Opens another branch of the upstream, with a mirror of its own. */
type Beside = (url: string, branch: string) => Promise<Repo>

/** Opens a clone. Throws MgoError GIT_NO_UPSTREAM, GIT_NOT_A_REPO (a detached HEAD). */
export async function openClone(folder: string, options: OpenOptions, beside: Beside): Promise<Repo> {
  const git = await gitOf(folder, options)
  const head = await git(['symbolic-ref', '--short', 'HEAD'])
  if (head.code !== 0)
    throw new MgoError({
      code: 'GIT_NOT_A_REPO',
      message: `${folder} has no branch checked out`,
      hint: 'Check out a branch: git switch main.',
    })
  const branch = head.stdout.toString('utf8').trim()
  const upstream = options.commitOnly === true ? undefined : await upstreamOf(git, branch, folder)
  return cloneRepo({ git, folder, branch, upstream, beside }, options)
}

/** Git for a clone; its `.git` may be a file (a work tree of another clone). */
async function gitOf(folder: string, { mirrors, credentials, env }: OpenOptions): Promise<Git> {
  const given = { home: join(mirrors, 'home'), credentials, env }
  const here = join(folder, '.git')
  const common = (await gitProgram(here, given)(['rev-parse', '--absolute-git-dir'])).stdout.toString('utf8').trim()
  return gitProgram(common === '' ? here : common, given)
}

function cloneRepo(clone: Clone, options: OpenOptions): Repo {
  const { git, folder, branch, upstream } = clone
  const blobs = openBlobs(git)
  const reads = reading(git, blobs)
  let written: readonly NewCommit[] = []
  return {
    ...reads,
    name: folder,
    branch,
    workTree: workTree(git, folder),
    tip: () => localTip(git, branch),
    look: () => localTip(git, branch),
    fetch: async () => {
      const tip = await localTip(git, branch)
      return upstream === undefined || tip === undefined ? tip : newer(clone, upstream, tip)
    },
    async write(base, commits) {
      const paths = [...new Set(commits.flatMap((commit) => [...commit.files.keys()]))]
      await checkClean(clone, paths)
      const trees = base === undefined ? [] : await Promise.all(paths.map((path) => reads.tree(base, path)))
      written = commits
      const entries = new Map(trees.flatMap((tree) => [...tree]))
      return (await writeCommits({ git, base, commits, committer: options.committer, entries })).commits
    },
    push: (base, next) => land(clone, written, { base, next }),
    other: (name) => otherBranch(clone, name),
    close: async () => blobs.close(),
  }
}

function otherBranch({ upstream, beside }: Clone, name: string): Repo {
  if (upstream === undefined) throw noUpstream('the render engine needs a remote to push its branch to')
  const later = beside(upstream.url, name)
  later.catch(() => undefined)
  return {
    name: upstream.url,
    branch: name,
    tip: async () => (await later).tip(),
    fetch: async () => (await later).fetch(),
    look: async () => (await later).look(),
    changes: async (from, to) => (await later).changes(from, to),
    tree: async (commit, folder) => (await later).tree(commit, folder),
    read: async (oids, limit) => (await later).read(oids, limit),
    write: async (base, commits) => (await later).write(base, commits),
    push: async (base, next) => (await later).push(base, next),
    requestsIn: async (from, to) => (await later).requestsIn(from, to),
    lastChange: async (commit, path) => (await later).lastChange(commit, path),
    lay: async (commit, folder, into) => (await later).lay(commit, folder, into),
    other: () => {
      throw new Error('a branch of a branch')
    },
    close: async () => (await later).close(),
  }
}

/** What `git clone file:///…` writes down is a path like any other. */
const local = /^file:\/\/(?=\/)/

async function upstreamOf(git: Git, branch: string, folder: string): Promise<Upstream> {
  const config = async (key: string) => (await git(['config', '--get', key])).stdout.toString('utf8').trim()
  const remote = await config(`branch.${branch}.remote`)
  const merge = await config(`branch.${branch}.merge`)
  const url =
    remote === '' || remote === '.'
      ? ''
      : (await git(['remote', 'get-url', '--push', '--', remote])).stdout.toString('utf8').trim().replace(local, '')
  if (url === '' || !merge.startsWith('refs/heads/'))
    throw noUpstream(`the branch ${branch} of ${folder} has no upstream`)
  // The same rules as for a URL that a person types: no ext::, no option.
  if (/^[a-z+]+:|^[^/]*::|^-/i.test(url)) repoPlace(url)
  return { url, branch: merge.slice('refs/heads/'.length) }
}

function noUpstream(message: string): MgoError {
  return new MgoError({
    code: 'GIT_NO_UPSTREAM',
    message,
    hint: 'Set one (git push -u origin <branch>), or give --commit-only to commit without a push.',
  })
}

async function localTip(git: Git, branch: string): Promise<Commit | undefined> {
  const ran = await git(['rev-parse', '--verify', '--quiet', '--end-of-options', `refs/heads/${branch}`])
  return parseCommit(ran.stdout.toString('latin1').trim())
}

/** The newer one of the clone's tip and its upstream's, whose objects are then here. Throws GIT_BEHIND where they parted. */
async function newer({ git, folder, branch }: Clone, upstream: Upstream, tip: Commit): Promise<Commit> {
  const theirs = await remoteTip(git, upstream.url, { branch: upstream.branch })
  if (theirs === undefined || theirs === tip || (await isAncestor(git, theirs, tip))) return tip
  const fetched = await git(
    ['fetch', '--quiet', '--no-tags', '--no-write-fetch-head', '--end-of-options', upstream.url, theirs],
    { timeoutMs: 60_000 },
  )
  if (fetched.code !== 0) throw gitError('fetch', fetched)
  if (await isAncestor(git, tip, theirs)) return theirs
  throw new MgoError({
    code: 'GIT_BEHIND',
    message: `the branch ${branch} of ${folder} and its upstream have parted: each has commits that the other lacks`,
    hint: 'Bring them together there (git pull --rebase), then try again. Nothing was written.',
  })
}

async function isAncestor(git: Git, older: Commit, younger: Commit): Promise<boolean> {
  return (await git(['merge-base', '--is-ancestor', older, younger])).code === 0
}

async function checkClean({ git, folder }: Clone, paths: readonly string[]): Promise<void> {
  const ran = await git(
    [
      `--work-tree=${folder}`,
      'diff-index',
      '--name-only',
      '-z',
      'HEAD',
      '--',
      ...paths.map((path) => `:(literal)${path}`),
    ],
    { cwd: folder },
  )
  const cached = await git([
    'diff-index',
    '--cached',
    '--name-only',
    '-z',
    'HEAD',
    '--',
    ...paths.map((path) => `:(literal)${path}`),
  ])
  if (ran.code !== 0 || cached.code !== 0) throw gitError('diff-index', ran.code !== 0 ? ran : cached)
  const [suspect] =
    `${cached.stdout.toString('utf8')}${await reallyChanged(git, folder, ran.stdout.toString('utf8'))}`.split('\0')
  if (suspect === undefined || suspect === '') return
  throw new MgoError({
    code: 'GIT_DIRTY',
    message: `${suspect} has changes that are not committed`,
    hint: 'Commit or stash them, then try again. Nothing was written.',
  })
}

/** diff-index also names files whose time stamp alone is new; their bytes decide. */
async function reallyChanged(git: Git, folder: string, names: string): Promise<string> {
  const changed: string[] = []
  for (const name of names.split('\0').filter((one) => one !== '')) {
    const committed = (await git(['cat-file', 'blob', `HEAD:${name}`])).stdout
    const now = await readFile(join(folder, name)).catch(() => undefined)
    if (now === undefined || !now.equals(committed)) changed.push(name)
  }
  return changed.join('\0')
}

type Move = { readonly base: Commit | undefined; readonly next: Commit }

async function land(clone: Clone, commits: readonly NewCommit[], { base, next }: Move): Promise<Pushed> {
  const { git, folder, branch, upstream } = clone
  if (upstream !== undefined) {
    const pushed = await push({ git, url: upstream.url, branch: upstream.branch, base, next })
    if (pushed.kind !== 'pushed') return pushed
    if (base !== undefined && (await localTip(git, branch)) !== base)
      return { kind: 'pushed', note: `${folder} is behind its upstream and was left as it is: git pull` }
  }
  const moved = await git([
    'update-ref',
    '-m',
    'mgo: deploy',
    `refs/heads/${branch}`,
    next,
    ...(base === undefined ? [] : [base]),
  ])
  if (moved.code !== 0) throw gitError('update-ref', moved)
  for (const commit of commits)
    for (const [path, bytes] of commit.files) if (bytes !== undefined) await place(clone, path, bytes)
  return { kind: 'pushed' }
}

async function place({ git, folder }: Clone, path: string, bytes: Uint8Array): Promise<void> {
  const target = join(folder, path)
  const { mode } = await stat(target)
  const temporary = `${target}.mgo-${process.pid}`
  await writeFile(temporary, bytes, { mode: mode & 0o777 })
  await rename(temporary, target)
  const ran = await git([`--work-tree=${folder}`, 'update-index', '--', path], { cwd: folder })
  if (ran.code !== 0) throw gitError('update-index', ran)
}
