/**
 * Runs programs: the only door to node:child_process. Arguments are lists, never a shell; the environment is given,
 * never inherited; output is capped; a program that is out of time is ended with its whole process group.
 *
 * @module
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { MgoError, messageOf } from './error.ts'
import type { Hide } from './secrets.ts'

export type RunOptions = {
  readonly cwd?: string
  readonly env: Readonly<Record<string, string>>
  readonly input?: Uint8Array | string
  /** Milliseconds until the program is ended; 2 minutes by default. */
  readonly timeoutMs?: number
  /** Bytes of stdout kept at most; 64 MiB by default. More ends the program. */
  readonly maxBytes?: number
  readonly signal?: AbortSignal
  /** An abort is said with SIGTERM first; the program has this long (ms) to end by itself. */
  readonly graceMs?: number
}

/** What a program left behind. `code` is -1 where it was ended; `ended` says by what. */
export type Ran = {
  readonly code: number
  readonly stdout: Buffer
  readonly stderr: string
  readonly ended: 'itself' | 'timeout' | 'too-much-output' | 'aborted'
}

export type Run = (program: string, args: readonly string[], options: RunOptions) => Promise<Ran>

const stderrCap = 256 * 1024

function endGroup(child: ChildProcessWithoutNullStreams): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {
    child.kill('SIGKILL')
  }
}

function missing(program: string, cause: unknown): MgoError {
  const message = `the program ${program} could not be started: ${messageOf(cause)}`
  return new MgoError({ code: 'PROGRAM_FAILED', message, hint: `Install ${program}, or put it on PATH.` }, { cause })
}

/** A process that may open no more files cannot make the pipes that a program needs. */
function crowded(program: string): MgoError {
  return new MgoError({
    code: 'PROGRAM_FAILED',
    message: `the program ${program} could not be started: too many files are open`,
    hint: 'Let mgo open more files (LimitNOFILE of systemd, or ulimit -n); what was accepted waits.',
  })
}

/**
 * Runs a program to its end.
 *
 * @throws MgoError PROGRAM_FAILED where it cannot be started; a program that fails is an ordinary answer
 */
export function run(program: string, args: readonly string[], options: RunOptions): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = start(program, args, options)
    const said = { out: [] as Buffer[], size: 0, stderr: '' }
    let ended: Ran['ended'] = 'itself'
    const end = (why: Ran['ended']) => {
      ended = why
      endGroup(child)
    }
    const timer = setTimeout(() => end('timeout'), options.timeoutMs ?? 120_000)
    let last: NodeJS.Timeout | undefined
    const abort = () => {
      if (options.graceMs !== undefined) child.kill('SIGTERM')
      last = setTimeout(() => end('aborted'), options.graceMs ?? 0)
      ended = 'aborted'
    }
    options.signal?.addEventListener('abort', abort, { once: true })
    if (options.signal?.aborted) abort()
    listen(child, said, () => (said.size > (options.maxBytes ?? 64 * 1024 * 1024) ? end('too-much-output') : undefined))
    const done = () => {
      clearTimeout(timer)
      clearTimeout(last)
      options.signal?.removeEventListener('abort', abort)
    }
    child.once('error', (cause) => {
      done()
      reject(missing(program, cause))
    })
    child.once('close', (code) => {
      done()
      const stdout = Buffer.concat(said.out)
      resolve({ code: ended === 'itself' ? (code ?? -1) : -1, stdout, stderr: said.stderr, ended })
    })
    // A program may end without reading its input: that is its business, its exit code tells.
    child.stdin.on('error', () => undefined)
    child.stdin.end(options.input)
  })
}

/** The same, with secrets taken out of what programs say on their error output, before anybody cuts it short. */
export function hiding(exec: Run, hide: Hide): Run {
  return async (program, args, options) => {
    const ran = await exec(program, args, options)
    return { ...ran, stderr: hide(ran.stderr) }
  }
}

type Said = { readonly out: Buffer[]; size: number; stderr: string }

function listen(child: ChildProcessWithoutNullStreams, said: Said, grown: () => void): void {
  child.stdout.on('data', (chunk: Buffer) => {
    said.size += chunk.length
    said.out.push(chunk)
    grown()
  })
  child.stderr.on('data', (chunk: Buffer) => {
    if (said.stderr.length < stderrCap) said.stderr += chunk.toString('utf8')
  })
}

/**
 * Starts a program that lives on, such as `git cat-file --batch`. The caller ends it with `kill`.
 * It leads a process group of its own, so that a Ctrl-C on the terminal reaches mgo first.
 *
 * @throws MgoError PROGRAM_FAILED where this process may open no more files
 */
export function start(
  program: string,
  args: readonly string[],
  options: Pick<RunOptions, 'cwd' | 'env'>,
): ChildProcessWithoutNullStreams {
  const child = spawn(program, [...args], { cwd: options.cwd, env: { ...options.env }, detached: true, stdio: 'pipe' })
  // Node's types do not know that a child may have no pipes; it says why later, and must be heard.
  const stdin: ChildProcessWithoutNullStreams['stdin'] | undefined = child.stdin
  if (stdin === undefined) {
    child.once('error', () => undefined)
    throw crowded(program)
  }
  running.add(child)
  child.once('close', () => running.delete(child))
  return child
}

const running = new Set<ChildProcessWithoutNullStreams>()

/** Ends every program that still runs: they lead groups of their own and would outlive mgo. */
export function stopAll(): void {
  for (const child of running) endGroup(child)
}

/** Ends a program that `start` started, with everything it started. */
export function stop(child: ChildProcessWithoutNullStreams): void {
  endGroup(child)
}
