/**
 * Keeps the machine busy: one process for each core that does nothing else.
 *
 * @module
 */
import { spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'

/** The longest that it lasts, should nobody end it. */
const longestMs = 1_800_000

/** Starts; gives what ends it. */
export function busy(): () => void {
  const code = `const end = Date.now() + ${longestMs}; while (Date.now() < end && process.ppid === ${process.pid});`
  const children = Array.from({ length: availableParallelism() }, () =>
    spawn(process.execPath, ['-e', code], { stdio: 'ignore' }),
  )
  return () => {
    for (const child of children) child.kill('SIGKILL')
  }
}
