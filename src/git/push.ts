/**
 * Moves the remote's branch, never by force. What became of a push is decided by reading the branch again; text only
 * tells a policy's no from a race.
 *
 * @module
 */
import { MgoError } from '../error.ts'
import type { Pushed } from '../ports.ts'
import { type Commit, parseCommit } from '../release/ids.ts'
import { gitError, said } from './error.ts'
import type { Git } from './program.ts'

export type PushInput = {
  readonly git: Git
  readonly url: string
  readonly branch: string
  readonly base: Commit | undefined
  readonly next: Commit
  /** Milliseconds for the push, and as many for asking what became of it; a minute by default. */
  readonly timeoutMs?: number
}

/** Asking for a tip moves a few hundred bytes. */
const askMs = 60_000
/** A lock that another push holds, or one that a dead push left: somebody else's turn, not a no. */
const race =
  /fetch first|non-fast-forward|stale info|cannot lock ref|failed to update ref|reference already exists|incorrect old value/

/** Pushes `next`. Throws MgoError GIT_DENIED, GIT_UNREACHABLE, GIT_NOT_A_REPO. */
export async function push({ git, url, branch, base, next, timeoutMs = askMs }: PushInput): Promise<Pushed> {
  const ref = `refs/heads/${branch}`
  const ran = await git(
    ['push', '--porcelain', '--no-verify', '--no-thin', '--end-of-options', url, `${next}:${ref}`],
    { timeoutMs },
  )
  if (ran.code === 0) return { kind: 'pushed' }
  const text = `${ran.stdout.toString('utf8')}\n${ran.stderr}`
  const now = await remoteTip(git, url, { branch, timeoutMs })
  if (now === next) return { kind: 'pushed' }
  const said_ = /^!.*\[(?:remote )?rejected\].*$/m.exec(ran.stdout.toString('utf8'))?.[0]
  if (said_ === undefined) {
    const error = gitError('push', ran)
    if (error.code === 'GIT_DENIED' || error.code === 'GIT_NOT_A_REPO') throw error
    return { kind: 'unclear', why: error.message }
  }
  if (now !== base || race.test(said_)) return { kind: 'moved' }
  if (/unpacker error|unpack failed/.test(text)) throw full(ran.stderr)
  return { kind: 'refused', why: policyWords(said_, ran.stderr) }
}

/** No rule said no: it may work when there is room again. */
function full(stderr: string): MgoError {
  return new MgoError({
    code: 'GIT_FAILED',
    message: `the git server could not store the commits: ${said(stderr)}`,
    hint: 'Is the disk of the git server full? Nothing was deployed by this attempt.',
  })
}

function policyWords(line: string, stderr: string): string {
  const reason = /\(([^()]*)\)\s*$/.exec(line)?.[1] ?? 'rejected'
  const remote = stderr
    .split('\n')
    .filter((one) => one.startsWith('remote:'))
    .map((one) => one.slice(7).trim())
    .filter((one) => one !== '')
  return said([reason, ...remote.slice(-3)].join('\n'))
}

type Asking = { readonly branch: string; readonly timeoutMs?: number }

/** The tip of a remote's branch, `undefined` where there is none. */
export async function remoteTip(
  git: Git,
  url: string,
  { branch, timeoutMs = askMs }: Asking,
): Promise<Commit | undefined> {
  const ran = await git(['ls-remote', '--end-of-options', url, `refs/heads/${branch}`], { timeoutMs })
  if (ran.code !== 0) throw gitError('ls-remote', ran)
  return parseCommit(ran.stdout.toString('latin1').split('\t')[0] ?? '')
}

/** The branch that the remote calls its own, `main` where it is empty. */
export async function remoteHead(git: Git, url: string): Promise<string> {
  const ran = await git(['ls-remote', '--symref', '--end-of-options', url, 'HEAD'], { timeoutMs: askMs })
  if (ran.code !== 0) throw gitError('ls-remote', ran)
  return /^ref: refs\/heads\/(\S+)\tHEAD$/m.exec(ran.stdout.toString('utf8'))?.[1] ?? 'main'
}
