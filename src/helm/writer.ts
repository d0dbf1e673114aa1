/**
 * Who wrote a pending record. A process of this machine that no longer lives left it for dead, and it may be unlocked;
 * of another machine nothing is known.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'

/** When a process was started, in clock ticks since boot: pids are used again, this pair is not. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return undefined
  }
}

function machine(): string {
  return createHash('sha256').update(hostname()).digest('hex').slice(0, 12)
}

/** The label value of this process. */
export function writer(): string {
  return `${machine()}.${process.pid}.${startOf(process.pid) ?? '0'}`
}

/** What is known of the process that wrote a label. `self`: it is this very one. */
export function writerState(label: string | undefined): 'dead' | 'alive' | 'self' | 'unknown' {
  if (label === writer()) return 'self'
  const [where, pid, start] = (label ?? '').split('.')
  if (where !== machine()) return 'unknown'
  return startOf(Number(pid)) === start ? 'alive' : 'dead'
}
