/**
 * One process of a rig. It dies with the process that started it, even by SIGKILL: the kernel is asked for that
 * (prctl PR_SET_PDEATHSIG) before the program takes over.
 *
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'

export type Part = {
  readonly name: string
  readonly pid: number
  /** SIGKILL, and its end. */
  stop(): Promise<void>
  /** Starts it again after `stop`, with the same arguments. */
  again(): void
  failed(): string | undefined
}

const leash = [
  'import ctypes,os,sys',
  'ctypes.CDLL(None).prctl(1, 9)',
  // The parent may be gone already: then nobody would ever end this one.
  'os.getppid() == int(sys.argv[1]) or os._exit(1)',
  'os.execv(sys.argv[2], sys.argv[2:])',
].join('\n')

/** Starts a program; its output goes to `log`. */
export function startPart(program: string, args: readonly string[], log: string): Part {
  const name = program.split('/').at(-1) ?? program
  let [child, ended] = spawnPart(program, args, log)
  const isOver = () => child.exitCode !== null || child.signalCode !== null
  return {
    name,
    pid: child.pid ?? 0,
    async stop() {
      if (!isOver()) child.kill('SIGKILL')
      await ended
    },
    again() {
      ;[child, ended] = spawnPart(program, args, log)
    },
    failed() {
      if (!isOver()) return undefined
      return `${name} ended: ${readFileSync(log, 'utf8').trim().split('\n').slice(-5).join('\n')}`
    },
  }
}

function spawnPart(program: string, args: readonly string[], log: string): [ChildProcess, Promise<void>] {
  const out = openSync(log, 'a')
  const child: ChildProcess = spawn('python3', ['-c', leash, String(process.pid), program, ...args], {
    stdio: ['ignore', out, out],
    env: { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent' },
  })
  closeSync(out)
  return [child, new Promise<void>((resolve) => child.once('exit', () => resolve()))]
}
