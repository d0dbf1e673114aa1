/**
 * Brings what is new on a branch into the mirror: by two questions of our own where that may do, else by `git fetch`.
 *
 * @module
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Commit, parseCommit } from '../release/ids.ts'
import { capped } from './capped.ts'
import { gitError } from './error.ts'
import { type FetchPack, type Fetched, fetchPack, objectsIn } from './fetch-pack.ts'
import { removeStaleLocks } from './mirror.ts'
import type { Git } from './program.ts'
import type { SmartHttp } from './smart-http.ts'

export type FetchFrom = {
  readonly git: Git
  readonly url: string
  readonly branch: string
  /** Bytes that one fetch may bring. */
  readonly limit: number
  /** How to ask without git, where that may do. */
  readonly direct: (() => Promise<SmartHttp>) | undefined
  /** Is told that something came. */
  readonly fetched: () => void
}

export type Fetcher = {
  /**
   * The tip, whose objects are then here; `undefined` where there is no such branch. `have`: a commit that is here.
   *
   * @throws MgoError GIT_*
   */
  readonly fetch: (have: Commit | undefined, timeoutMs: number) => Promise<Commit | undefined>
  /** Leaves a ref at what was fetched last, for the next start. */
  readonly settle: () => Promise<void>
}

/** A server that could not be asked directly is not asked so again for this long. */
const unsuitedMs = 10 * 60_000
/** The ref only spares the next start a part of its fetch. */
const fetchesARef = 20

/** Opens the way to one branch. */
export function openFetcher(from: FetchFrom): Fetcher {
  const { git, branch } = from
  let got: Commit | undefined
  let unnoted = 0
  let unsuitedAtMs = Number.NEGATIVE_INFINITY
  const settle = async () => {
    if (unnoted === 0 || got === undefined) return
    unnoted = 0
    await git(['update-ref', localRef(branch), got])
  }
  const directly = async (have: Commit | undefined, timeoutMs: number): Promise<Fetched> => {
    if (from.direct === undefined || have === undefined || performance.now() < unsuitedAtMs + unsuitedMs)
      return { kind: 'unsuited' }
    const haves = [have, ...(got === undefined || got === have ? [] : [got])] as const
    const fetched = await unpacked(from, { ...(await from.direct()), branch, haves, timeoutMs })
    if (fetched.kind === 'unsuited') unsuitedAtMs = performance.now()
    return fetched
  }
  return {
    settle,
    async fetch(have, timeoutMs) {
      const begunMs = performance.now()
      const fetched = await directly(have, timeoutMs)
      if (fetched.kind !== 'fetched') {
        const leftMs = Math.ceil(timeoutMs - (performance.now() - begunMs))
        if (fetched.kind === 'unclear' && leftMs <= 0) throw late(git.hide(fetched.why))
        const tip = await fetchByGit(from, leftMs)
        from.fetched()
        return tip
      }
      if (fetched.pack === undefined) return fetched.tip
      got = fetched.tip
      from.fetched()
      if (++unnoted >= fetchesARef) await settle()
      return got
    },
  }
}

function late(why: string) {
  return gitError('fetch', { code: -1, stdout: Buffer.alloc(0), stderr: why, ended: 'timeout' })
}

/** Git's own border between loose objects and a pack (fetch.unpackLimit). */
const mostLoose = 100

/** Asks, and puts what came into the mirror. What does not fit is git's business. */
async function unpacked({ git, limit }: FetchFrom, asked: FetchPack): Promise<Fetched> {
  const fetched = await fetchPack(asked)
  if (fetched.kind !== 'fetched' || fetched.pack === undefined) return fetched
  const { pack } = fetched
  const isSmall = (objectsIn(pack) ?? 0) <= mostLoose
  // As a fetch with transfer.fsckObjects has it: nothing is broken, and everything leads to something that is here.
  const args = isSmall ? ['unpack-objects', '-q', '--strict'] : ['index-pack', '--stdin', '--fix-thin', '--strict']
  const options = { input: pack, timeoutMs: asked.timeoutMs }
  const ran = await capped(git.folder, limit, (signal) => git(args, { ...options, signal }))
  return ran.code === 0 ? fetched : { kind: 'unclear', why: ran.stderr }
}

const localRef = (branch: string) => `refs/mgo/heads/${branch}`

/** Longer in all than it takes until a lock is stale. */
const lockTries = 16
const isLocked = /\.lock'?: File exists|cannot lock ref|unable to update local ref/

async function fetchByGit({ git, url, branch, limit }: FetchFrom, timeoutMs: number): Promise<Commit | undefined> {
  const gitDir = git.folder
  const local = localRef(branch)
  const options = ['--quiet', '--no-tags', '--no-write-fetch-head', '--end-of-options']
  const args = ['fetch', ...options, url, `+refs/heads/${branch}:${local}`]
  const fetch = () => capped(gitDir, limit, (signal) => git(args, { timeoutMs, signal }))
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
