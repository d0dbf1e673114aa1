/**
 * One branch of a gitops repo behind a URL or a path: a bare mirror in a folder of our own, no work tree, no checkout.
 *
 * @module
 */
import { createHash, randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { MgoError } from '../error.ts'
import { run } from '../exec.ts'
import type { NewCommit, Repo } from '../ports.ts'
import { type Commit, parseCommit } from '../release/ids.ts'
import type { Person } from '../release/request.ts'
import { checkDescends } from './ancestry.ts'
import { type Objects, openObjects } from './objects.ts'
import { capped, fetchBytes } from './capped.ts'
import { openClone } from './clone.ts'
import { checkPath, packOf, type Written, writeCommits } from './commits.ts'
import { gitError } from './error.ts'
import { type Importer, openImporter } from './importer.ts'
import { laterRepo } from './later.ts'
import { type Mirror, openMirror, removeStaleLocks } from './mirror.ts'
import { openPacks, type Packs } from './packs.ts'
import { type Credentials, type OpenOptions, type RepoPlace, repoPlace } from './place.ts'
import { type Git, gitProgram } from './program.ts'
import { push, remoteHead, remoteTip } from './push.ts'
import { type Reading, reading } from './reading.ts'
import { type InTurn, remembered, sharing, turns } from './turns.ts'

/**
 * Opens a gitops repo: a URL, a bare repo, or a clone.
 *
 * @throws MgoError GIT_URL_INVALID, GIT_NOT_A_REPO, GIT_UNREACHABLE, GIT_DENIED, GIT_MISSING
 */
export async function openRepo(where: string, options: OpenOptions): Promise<Repo> {
  const place = repoPlace(where)
  await checkGit(options.env)
  if (place.kind === 'remote') return openRemote(place, options)
  return openClone(place.folder, options, ({ url, credentials = options.credentials }, branch) =>
    openRepo(url, { ...options, credentials, branch, commitOnly: false }),
  )
}

async function checkGit(env: OpenOptions['env']): Promise<void> {
  try {
    await run('git', ['--version'], { env, timeoutMs: 10_000 })
  } catch (cause) {
    throw new MgoError(
      {
        code: 'GIT_MISSING',
        message: 'git could not be started',
        hint: 'Install git 2.39 or newer, and have it on PATH.',
      },
      { cause },
    )
  }
}

async function openRemote(place: RepoPlace & { kind: 'remote' }, options: OpenOptions): Promise<Repo> {
  const gitDir = join(options.mirrors, createHash('sha256').update(place.url).digest('hex').slice(0, 24))
  const credentials = place.credentials ?? options.credentials
  const { mirrors, env, secrets } = options
  const git = gitProgram(gitDir, { home: join(mirrors, 'home'), credentials, env, secrets })
  const mirror = await openMirror(git, gitDir)
  const branch = options.branch ?? (await ownBranch(git, place.url))
  await checkBranch(git, branch)
  const objects = openObjects(git)
  const direct = /^https?:/.test(place.url) && !Object.keys(options.env).some((name) => ownWay.test(name))
  const { committer, timeoutMs = 60_000, fetchLimit = fetchBytes } = options
  const authorities = () => authoritiesOf(options.env)
  const inTurn = turns()
  const importer = openImporter(git, join(gitDir, `mgo-edges-${randomUUID()}`))
  const packs = openPacks(git, gitDir, (work) => inTurn(() => importer.rest().then(work)))
  const parts = { git, gitDir, mirror, fetchLimit, objects, reads: reading(git, objects), importer, inTurn, packs }
  const repo = remoteBranch({ ...parts, place, committer, credentials, direct, authorities, timeoutMs }, branch)
  if (mirror.state === 'sound') return repo
  const ready = remembered(async () => {
    if ((await mirror.sound()) === 'anew' && options.branch === undefined) await noteBranch(git, branch)
    return repo
  })
  return { ...laterRepo(repo, ready), close: () => repo.close() }
}

/** A file that cannot be read is git's to tell of. */
async function authoritiesOf({ GIT_SSL_CAINFO: file }: OpenOptions['env']): Promise<string | undefined> {
  return file === undefined ? undefined : readFile(file, 'utf8').catch(() => '')
}

/** The branch that the remote calls its own. A server that starts while the remote is away goes by what it said last. */
async function ownBranch(git: Git, url: string): Promise<string> {
  try {
    const branch = await remoteHead(git, url)
    await noteBranch(git, branch)
    return branch
  } catch (error) {
    const known = await git(['config', '--get', 'mgo.branch'])
    const away = error instanceof MgoError && error.code === 'GIT_UNREACHABLE'
    if (!away || known.code !== 0) throw error
    return known.stdout.toString('utf8').trim()
  }
}

async function noteBranch(git: Git, branch: string): Promise<void> {
  await git(['config', 'mgo.branch', branch])
}

async function checkBranch(git: Git, branch: string): Promise<void> {
  const ran = await git(['check-ref-format', '--branch', branch])
  if (ran.code === 0 && !branch.startsWith('-')) return
  throw new MgoError({
    code: 'GIT_URL_INVALID',
    message: `${JSON.stringify(branch)} is no name for a branch`,
    hint: 'Give the branch as git writes it, such as main.',
  })
}

type Shared = {
  readonly git: Git
  readonly gitDir: string
  readonly mirror: Mirror
  readonly fetchLimit: number
  readonly objects: Objects
  readonly place: RepoPlace & { kind: 'remote' }
  readonly committer: Person
  readonly reads: Reading
  readonly credentials: Credentials | undefined
  /** Whether a push may be one POST of our own. */
  readonly direct: boolean
  /** Those of GIT_SSL_CAINFO, which git takes instead of the usual ones. */
  readonly authorities: () => Promise<string | undefined>
  /** Writes of one mirror go one after the other, whatever branch they are for: they share a ref and a file. */
  readonly inTurn: InTurn
  readonly importer: Importer
  readonly packs: Packs
  readonly timeoutMs: number
}

/** Nothing but git knows its way through a proxy, or to authorities that a library of its own finds. */
const ownWay = /^(?:https?_proxy|SSL_CERT_(?:FILE|DIR))$/i

type Seen = { readonly tip: Commit | undefined }

/** The tip as the remote has it, which must come after what was seen before. */
async function newer(shared: Shared, branch: string, before: Seen | undefined): Promise<Commit | undefined> {
  const { timeoutMs } = shared
  // The first fetch may bring a whole history.
  const tip = await fetchTip(shared, branch, before === undefined ? timeoutMs * 5 : timeoutMs)
  if (before?.tip !== undefined)
    await checkDescends({ old: before.tip, tip }, `the branch ${branch} of ${shared.place.shown}`, shared)
  return tip
}

function remoteBranch(shared: Shared, branch: string): Repo {
  const { git, place, reads, timeoutMs, credentials } = shared
  let seen: Seen | undefined
  let written: Written | undefined
  const fetches = turns()
  const ask = async (): Promise<Commit | undefined> => {
    const before = seen
    const tip = await newer(shared, branch, before)
    // A push of our own may have come in between, and is newer than what was seen on the way.
    if (seen !== before && seen !== undefined) return seen.tip
    seen = { tip }
    shared.packs.written()
    return tip
  }
  const fetch = () => fetches(ask)
  const first = sharing(fetch)
  return {
    ...reads,
    name: place.shown,
    branch,
    // Many may ask at the start; the remote is asked once.
    tip: async () => (seen === undefined ? first() : seen.tip),
    fetch,
    look: () => remoteTip(git, place.url, { branch, timeoutMs }),
    async write(base, commits) {
      written = await write(shared, base, commits)
      return written.commits
    },
    async push(base, next) {
      const pack = shared.direct ? await packOf(written, next) : undefined
      const ca = pack === undefined ? undefined : await shared.authorities()
      const pushed = await push({ git, url: place.url, branch, base, next, pack, credentials, ca, timeoutMs })
      if (pushed.kind === 'pushed') seen = { tip: next }
      shared.packs.written()
      return pushed
    },
    other: (name) => remoteBranch(shared, name),
    close: async () => letGo(shared),
  }
}

async function letGo({ objects, mirror, packs, importer }: Shared): Promise<void> {
  await packs.settled()
  await importer.rest()
  objects.close()
  await mirror.close()
}

async function write(shared: Shared, base: Commit | undefined, commits: readonly NewCommit[]): Promise<Written> {
  const { reads, committer, importer } = shared
  const paths = [...new Set(commits.flatMap((commit) => [...commit.files.keys()]))]
  paths.forEach(checkPath)
  const folders = [...new Set(paths.map((path) => path.split('/').slice(0, 2).join('/')))]
  const trees = base === undefined ? [] : await Promise.all(folders.map((folder) => reads.tree(base, folder)))
  const entries = new Map(trees.flatMap((tree) => [...tree]))
  return shared.inTurn(() => writeCommits({ importer, base, commits, committer, entries }))
}

/** Longer in all than it takes until a lock is stale. */
const lockTries = 16
const isLocked = /\.lock'?: File exists|cannot lock ref|unable to update local ref/

async function fetchTip(
  { git, place, gitDir, fetchLimit }: Shared,
  branch: string,
  timeoutMs: number,
): Promise<Commit | undefined> {
  const local = `refs/mgo/heads/${branch}`
  const options = ['--quiet', '--no-tags', '--no-write-fetch-head', '--end-of-options']
  const args = ['fetch', ...options, place.url, `+refs/heads/${branch}:${local}`]
  const fetch = () => capped(gitDir, fetchLimit, (signal) => git(args, { timeoutMs, signal }))
  let ran = await fetch()
  // Another mgo holds the lock for a moment, or a fetch that was killed has left it.
  for (let turn = 1; turn <= lockTries && ran.code !== 0 && isLocked.test(ran.stderr); turn++) {
    if (removeStaleLocks(gitDir) === 0) await new Promise((resolve) => setTimeout(resolve, 50 * turn))
    ran = await fetch()
  }
  if (ran.code !== 0) {
    if (/couldn't find remote ref/.test(ran.stderr)) return undefined
    throw gitError('fetch', ran)
  }
  const written = await readFile(join(gitDir, local), 'latin1').catch(() => '')
  return parseCommit(written.trim()) ?? refOf(git, local)
}

/** Git may keep a ref elsewhere than in a file of its own. */
async function refOf(git: Git, ref: string): Promise<Commit> {
  const tip = await git(['rev-parse', '--verify', '--end-of-options', ref])
  const commit = parseCommit(tip.stdout.toString('latin1').trim())
  if (commit === undefined) throw gitError('rev-parse', tip)
  return commit
}
