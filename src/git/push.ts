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
import { type Sent, sendPack } from './send-pack.ts'
import type { SmartHttp } from './smart-http.ts'

export type PushInput = {
  readonly git: Git
  readonly url: string
  readonly branch: string
  readonly base: Commit | undefined
  readonly next: Commit
  /** Milliseconds for the push, and as many for asking what became of it; a minute by default. */
  readonly timeoutMs?: number
  /** The pack of what is new, and where to, where one POST may do. */
  readonly posted?: { readonly server: SmartHttp; readonly pack: Uint8Array } | undefined
}

/** Asking for a tip moves a few hundred bytes. */
const askMs = 60_000
/** A lock that another push holds, or one that a dead push left: somebody else's turn, not a no. */
const race =
  /fetch first|non-fast-forward|stale info|cannot lock ref|failed to update ref|reference already exists|incorrect old value/

/** Pushes `next`. Throws MgoError GIT_DENIED, GIT_UNREACHABLE, GIT_NOT_A_REPO. */
export async function push(input: PushInput): Promise<Pushed> {
  const { git, url, branch, base, next, timeoutMs = askMs } = input
  // A server may repeat what it was told; a long answer is cut short further on.
  const sent = git.hide(await send(input, timeoutMs))
  if (sent.kind === 'taken') return { kind: 'pushed' }
  // The next turn reads the branch anyhow, and finds what came through; asking here, too, would only take longer.
  if (sent.kind === 'rejected' && race.test(sent.why)) return { kind: 'moved' }
  const now = await remoteTip(git, url, { branch, timeoutMs })
  if (now === next) return { kind: 'pushed' }
  if (sent.kind === 'unclear') return sent
  if (now !== base) return { kind: 'moved' }
  if (/unpacker error|unpack failed/.test(`${sent.why}\n${sent.words}`)) throw full(sent.words)
  return { kind: 'refused', why: said([sent.why, ...sent.words.split('\n').slice(-3)].join('\n')) }
}

type Told = Exclude<Sent, { kind: 'unsuited' }>

async function send(input: PushInput, timeoutMs: number): Promise<Told> {
  const { posted, branch, base, next } = input
  const sent: Sent =
    posted === undefined
      ? { kind: 'unsuited' }
      : await sendPack({ ...posted.server, pack: posted.pack, branch, base, next, timeoutMs })
  return sent.kind === 'unsuited' ? byGit(input, timeoutMs) : sent
}

async function byGit({ git, url, branch, next }: PushInput, timeoutMs: number): Promise<Told> {
  const ran = await git(
    ['push', '--porcelain', '--no-verify', '--no-thin', '--end-of-options', url, `${next}:refs/heads/${branch}`],
    { timeoutMs },
  )
  if (ran.code === 0) return { kind: 'taken' }
  const rejected = /^!.*\[(?:remote )?rejected\].*$/m.exec(ran.stdout.toString('utf8'))?.[0]
  if (rejected !== undefined) return { kind: 'rejected', why: reason(rejected), words: remoteWords(ran.stderr) }
  const error = gitError('push', ran)
  if (error.code === 'GIT_DENIED' || error.code === 'GIT_NOT_A_REPO') throw error
  return { kind: 'unclear', why: error.message }
}

/** `! [remote rejected] main -> main (pre-receive hook declined)` */
function reason(line: string): string {
  return /\(([^()]*)\)\s*$/.exec(line)?.[1] ?? line
}

function remoteWords(stderr: string): string {
  const lines = stderr.split('\n').map((line) => /^remote:(.*)/.exec(line)?.[1]?.trim() ?? '')
  return lines.filter((line) => line !== '').join('\n')
}

/** No rule said no: it may work when there is room again. */
function full(words: string): MgoError {
  return new MgoError({
    code: 'GIT_FAILED',
    message: `the git server could not store the commits: ${said(words)}`,
    hint: 'Is the disk of the git server full? Nothing was deployed by this attempt.',
  })
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
