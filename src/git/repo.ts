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
import type { Commit } from '../release/ids.ts'
import type { Person } from '../release/request.ts'
import { checkDescends } from './ancestry.ts'
import { type Objects, openObjects } from './objects.ts'
import { fetchBytes } from './capped.ts'
import { openClone } from './clone.ts'
import { checkPath, packOf, type Written, writeCommits } from './commits.ts'
import { type Fetcher, openFetcher } from './fetch.ts'
import { type Importer, openImporter } from './importer.ts'
import { laterRepo } from './later.ts'
import { type Mirror, openMirror } from './mirror.ts'
import { openPacks, type Packs } from './packs.ts'
import { type OpenOptions, type RepoPlace, repoPlace } from './place.ts'
import { type Git, gitProgram } from './program.ts'
import { push, remoteHead, remoteTip } from './push.ts'
import { type Reading, reading } from './reading.ts'
import type { SmartHttp } from './smart-http.ts'
import { openTips } from './tips.ts'
import { type InTurn, remembered, turns } from './turns.ts'

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
  const isDirect = /^https?:/.test(place.url) && !Object.keys(options.env).some((name) => ownWay.test(name))
  const { committer, timeoutMs = 60_000, fetchLimit = fetchBytes } = options
  const direct = async () => ({ url: place.url, credentials, ca: await authoritiesOf(options.env) })
  const inTurn = turns()
  const importer = openImporter(git, join(gitDir, `mgo-edges-${randomUUID()}`))
  const packs = openPacks(git, gitDir, (work) => inTurn(() => importer.rest().then(work)))
  const parts = { git, mirror, fetchLimit, objects, reads: reading(git, objects), importer, inTurn, packs }
  const repo = remoteBranch({ ...parts, place, committer, direct: isDirect ? direct : undefined, timeoutMs }, branch)
  if (mirror.state === 'sound') return repo
  const ready = remembered(async () => {
    if ((await mirror.sound()) === 'anew' && options.branch === undefined) await noteBranch(git, branch)
    return repo
  })
  return { ...laterRepo(repo, ready), close: () => repo.close() }
}

/** Those of GIT_SSL_CAINFO, which git takes instead of the usual ones. A file that cannot be read is git's to tell of. */
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
  readonly mirror: Mirror
  readonly fetchLimit: number
  readonly objects: Objects
  readonly place: RepoPlace & { kind: 'remote' }
  readonly committer: Person
  readonly reads: Reading
  /** How to fetch and push without git, where that may do. */
  readonly direct: (() => Promise<SmartHttp>) | undefined
  /** Writes of one mirror go one after the other, whatever branch they are for: they share a ref and a file. */
  readonly inTurn: InTurn
  readonly importer: Importer
  readonly packs: Packs
  readonly timeoutMs: number
}

/** Nothing but git knows its way through a proxy, or to authorities that a library of its own finds. */
const ownWay = /^(?:https?_proxy|SSL_CERT_(?:FILE|DIR))$/i

function remoteBranch(shared: Shared, branch: string): Repo {
  const { git, place, reads, timeoutMs, fetchLimit: limit, direct, packs } = shared
  const fetcher = openFetcher({ git, url: place.url, branch, limit, direct, fetched: () => packs.written() })
  const what = `the branch ${branch} of ${place.shown}`
  const check = (old: Commit, tip: Commit | undefined) => checkDescends({ old, tip }, what, shared)
  const { pushed: notePush, ...tips } = openTips({ fetcher, check, timeoutMs })
  let written: Written | undefined
  // Whether the mirror may hold what the remote lacks: from then on fast-import leaves out of its packs what is needed.
  let hasStrays = false
  return {
    ...reads,
    ...tips,
    name: place.shown,
    branch,
    look: () => remoteTip(git, place.url, { branch, timeoutMs }),
    async write(base, commits) {
      written = await write(shared, base, commits)
      return written.commits
    },
    async push(base, next) {
      const pack =
        direct === undefined ? undefined : await packOf(written, next, hasStrays ? shared.objects : undefined)
      const posted = direct === undefined || pack === undefined ? undefined : { server: await direct(), pack }
      const pushed = await push({ git, url: place.url, branch, base, next, posted, timeoutMs })
      hasStrays ||= pushed.kind !== 'pushed'
      notePush(pushed, next)
      packs.written()
      return pushed
    },
    other: (name) => remoteBranch(shared, name),
    close: () => letGo(shared, fetcher),
  }
}

async function letGo({ objects, mirror, packs, importer }: Shared, { settle }: Fetcher): Promise<void> {
  await settle()
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
