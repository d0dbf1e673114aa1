/**
 * A clone with a work tree: the commit is made on the checked-out branch, only the edited files change in the work tree
 * and the index, and the push goes to the branch's upstream. The push comes first: a push that fails leaves no trace.
 *
 * Where others pushed meanwhile, the commit is made on what they pushed, and the clone is left as it is: catching up
 * would touch files that nobody asked mgo to touch. Ten jobs with a clone each all get through.
 *
 * @module
 */
import { join, resolve } from 'node:path'
import { MgoError } from '../error.ts'
import type { NewCommit, Pushed, Repo } from '../ports.ts'
import { type Commit, parseCommit } from '../release/ids.ts'
import { openObjects } from './objects.ts'
import { checkClean, type Edited, place } from './checked-out.ts'
import { checkPath, writeOnce } from './commits.ts'
import { gitError } from './error.ts'
import { laterRepo } from './later.ts'
import { type Credentials, type OpenOptions, repoPlace } from './place.ts'
import { type Git, gitProgram } from './program.ts'
import { push, remoteTip } from './push.ts'
import { type Reading, reading } from './reading.ts'
import { workTree } from './work-tree.ts'

/** Where the checked-out branch goes to. `git` has the login that its address names, which is in no argument. */
type Upstream = {
  readonly git: Git
  readonly url: string
  readonly branch: string
  readonly credentials: Credentials | undefined
}

type Clone = {
  readonly git: Git
  readonly folder: string
  /** `undefined`: a commit is checked out and no branch, as CI does it; good for reading only. */
  readonly branch: string | undefined
  /** Looked up when it is first needed: reading needs none. */
  readonly upstream: () => Promise<Upstream | undefined>
  readonly beside: Beside
}

/** Opens another branch of the upstream, with a mirror of its own. */
type Beside = (upstream: Pick<Upstream, 'url' | 'credentials'>, branch: string) => Promise<Repo>

/** Opens a clone. What cannot be committed to (a detached HEAD, no upstream) is told when something is to be written. */
export async function openClone(folder: string, options: OpenOptions, beside: Beside): Promise<Repo> {
  const git = await gitOf(folder, options)
  const head = (await git(['symbolic-ref', '--quiet', 'HEAD'])).stdout.toString('utf8').trim()
  const branch = head.startsWith('refs/heads/') ? head.slice('refs/heads/'.length) : undefined
  const look = async () =>
    branch === undefined || options.commitOnly === true ? undefined : upstreamOf({ git, folder, branch }, options)
  let found: Promise<Upstream | undefined> | undefined
  const upstream = () => {
    found ??= look()
    return found
  }
  return cloneRepo({ git, folder, branch, upstream, beside }, options)
}

/** Git for a clone; its `.git` may be a file (a work tree of another clone). */
async function gitOf(folder: string, { mirrors, credentials, env, secrets }: OpenOptions): Promise<Git> {
  const given = { home: join(mirrors, 'home'), credentials, env, secrets, cwd: folder }
  const here = join(folder, '.git')
  const common = (await gitProgram(here, given)(['rev-parse', '--absolute-git-dir'])).stdout.toString('utf8').trim()
  return gitProgram(common === '' ? here : common, given)
}

function cloneRepo(clone: Clone, options: OpenOptions): Repo {
  const { git, folder } = clone
  const objects = openObjects(git)
  const reads = reading(git, objects)
  let written: readonly Edited[] = []
  return {
    ...reads,
    name: folder,
    branch: clone.branch ?? 'HEAD',
    workTree: workTree(git, folder),
    tip: () => localTip(clone),
    begin: async () => ({ tip: await localTip(clone), isFresh: false }),
    look: () => localTip(clone),
    fetch: async () => {
      const tip = await localTip(clone)
      const upstream = await clone.upstream()
      return upstream === undefined || tip === undefined ? tip : newer(clone, upstream, tip)
    },
    async write(base, commits) {
      await checkWritable(clone, options)
      const paths = [...new Set(commits.flatMap((commit) => [...commit.files.keys()]))]
      paths.forEach(checkPath)
      await checkClean(clone, paths)
      const trees = base === undefined ? [] : await Promise.all(paths.map((path) => reads.tree(base, path)))
      const entries = new Map(trees.flatMap((tree) => [...tree]))
      written = await editedOf(commits, entries, reads)
      return writeOnce(git, { base, commits, committer: options.committer, entries })
    },
    push: (base, next) => land(clone, written, { base, next }),
    other: (name) => otherBranch(clone, name),
    close: async () => objects.close(),
  }
}

async function checkWritable(clone: Clone, { commitOnly }: OpenOptions): Promise<void> {
  if (clone.branch === undefined) throw detached(clone.folder)
  if (commitOnly !== true && (await clone.upstream()) === undefined) throw noUpstream(clone)
}

/** What the commits together make of each file. */
async function editedOf(
  commits: readonly NewCommit[],
  entries: Awaited<ReturnType<Reading['tree']>>,
  reads: Reading,
): Promise<readonly Edited[]> {
  const last = new Map(commits.flatMap((commit) => [...commit.files]))
  const blobs = await reads.read([...entries.values()].map(({ oid }) => oid))
  return [...last].flatMap(([path, after]) => {
    const entry = entries.get(path)
    const before = entry === undefined ? undefined : blobs.get(entry.oid)
    if (entry === undefined || before === undefined || after === undefined) return []
    return [{ path, mode: entry.mode, before, after }]
  })
}

/** A branch that is not checked out: through a mirror of the upstream, so that the clone does not notice. */
function otherBranch(clone: Clone, name: string): Repo {
  const open = async () => {
    const upstream = await clone.upstream()
    if (upstream === undefined) throw noUpstream(clone)
    return clone.beside(upstream, name)
  }
  const later = open()
  later.catch(() => undefined)
  return laterRepo({ name: clone.folder, branch: name }, () => later)
}

type Branch = { readonly git: Git; readonly folder: string; readonly branch: string }

async function upstreamOf({ git, folder, branch }: Branch, options: OpenOptions): Promise<Upstream | undefined> {
  const config = async (key: string) => (await git(['config', '--get', key])).stdout.toString('utf8').trim()
  const remote = await config(`branch.${branch}.remote`)
  const merge = await config(`branch.${branch}.merge`)
  if (remote === '' || remote === '.' || !merge.startsWith('refs/heads/')) return undefined
  const named = (await git(['remote', 'get-url', '--push', '--', remote])).stdout.toString('utf8').trim()
  // A branch may also name an address instead of a remote.
  const { url, credentials } = addressOf(named === '' ? remote : named, folder)
  const { mirrors, env, secrets } = options
  const home = { home: join(mirrors, 'home'), env, secrets, cwd: folder }
  const own = credentials === undefined ? git : gitProgram(git.folder, { ...home, credentials })
  return { git: own, url, credentials, branch: merge.slice('refs/heads/'.length) }
}

/** What `git clone file:///…` writes down is a path like any other. */
const local = /^file:\/\/(?=\/)/i

/** The same rules as for an address that a person types: no `ext::`, no option, and no password in an argument. */
function addressOf(named: string, folder: string): Pick<Upstream, 'url' | 'credentials'> {
  const url = named.replace(local, '')
  // A path counts from the clone, wherever mgo was started.
  if (/^(?:\.{0,2}\/|[^:]*$)/.test(url) && !url.startsWith('-'))
    return { url: resolve(folder, url), credentials: undefined }
  const place = repoPlace(url)
  return place.kind === 'remote' ? place : { url: place.folder, credentials: undefined }
}

function noUpstream({ branch, folder }: Pick<Clone, 'branch' | 'folder'>): MgoError {
  return new MgoError({
    code: 'GIT_NO_UPSTREAM',
    message: `the branch ${branch ?? 'HEAD'} of ${folder} has no upstream`,
    hint: 'Set one (git push -u origin <branch>), or give --commit-only to commit without a push. Nothing was written.',
  })
}

function detached(folder: string): MgoError {
  return new MgoError({
    code: 'GIT_NOT_A_REPO',
    message: `${folder} has no branch checked out`,
    hint: 'Check one out (git switch main), or name the repo by its URL. Nothing was written.',
  })
}

async function localTip({ git, branch }: Pick<Clone, 'git' | 'branch'>): Promise<Commit | undefined> {
  const name = branch === undefined ? 'HEAD' : `refs/heads/${branch}`
  const ran = await git(['rev-parse', '--verify', '--quiet', '--end-of-options', name])
  return parseCommit(ran.stdout.toString('latin1').trim())
}

/** The newer one of the clone's tip and its upstream's, whose objects are then here. Throws GIT_BEHIND where they parted. */
async function newer({ git, folder, branch }: Clone, upstream: Upstream, tip: Commit): Promise<Commit> {
  const theirs = await remoteTip(upstream.git, upstream.url, { branch: upstream.branch })
  if (theirs === undefined || theirs === tip || (await isAncestor(git, theirs, tip))) return tip
  const fetched = await upstream.git(
    ['fetch', '--quiet', '--no-tags', '--no-write-fetch-head', '--end-of-options', upstream.url, theirs],
    { timeoutMs: 60_000 },
  )
  if (fetched.code !== 0) throw gitError('fetch', fetched)
  if (await isAncestor(git, tip, theirs)) return theirs
  throw new MgoError({
    code: 'GIT_BEHIND',
    message: `the branch ${branch ?? 'HEAD'} of ${folder} and its upstream have parted: each has commits that the other lacks`,
    hint: 'Bring them together there (git pull --rebase), then try again. Nothing was written.',
  })
}

async function isAncestor(git: Git, older: Commit, younger: Commit): Promise<boolean> {
  return (await git(['merge-base', '--is-ancestor', older, younger])).code === 0
}

type Move = { readonly base: Commit | undefined; readonly next: Commit }

async function land(clone: Clone, edited: readonly Edited[], { base, next }: Move): Promise<Pushed> {
  const { git, folder, branch } = clone
  const upstream = await clone.upstream()
  if (upstream !== undefined) {
    const { url, branch: theirs } = upstream
    const pushed = await push({ git: upstream.git, url, branch: theirs, base, next })
    if (pushed.kind !== 'pushed') return pushed
    if (base !== undefined && (await localTip(clone)) !== base)
      return { kind: 'pushed', note: `${folder} is behind its upstream and was left as it is: git pull` }
  }
  const old = base === undefined ? [] : [base]
  const moved = await git(['update-ref', '-m', 'mgo: deploy', `refs/heads/${branch ?? ''}`, next, ...old])
  if (moved.code !== 0) throw gitError('update-ref', moved)
  await place(clone, edited)
  return { kind: 'pushed' }
}
