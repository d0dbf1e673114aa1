/**
 * Looks at the process of a run, from outside.
 *
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs'

type Run = { readonly url: string; readonly pid: number; readonly maxRssMiB: number; readonly maxFiles: number }

/** How each program that a process started is doing (proc(5), "state"). */
function children(pid: number): readonly string[] {
  const pids = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')
  return pids
    .filter((one) => one !== '')
    .flatMap((one) => {
      try {
        return /\) (\w) /.exec(readFileSync(`/proc/${one}/stat`, 'utf8'))?.[1] ?? []
      } catch {
        return []
      }
    })
}

/** I6: the process lives, answers, and holds neither too much memory nor too many files. */
export async function alive(run: Run): Promise<readonly string[]> {
  const health = await fetch(`${run.url}/healthz`).catch(() => undefined)
  if (health?.status !== 200) return ['I6 the server does not answer']
  const status = readFileSync(`/proc/${run.pid}/status`, 'utf8')
  const rss = Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024
  const open = readdirSync(`/proc/${run.pid}/fd`).length
  const dead = children(run.pid).filter((state) => state === 'Z').length
  return [
    ...(rss > run.maxRssMiB ? [`I6 the server takes ${rss} MiB`] : []),
    ...(open > run.maxFiles ? [`I6 the server holds ${open} files open`] : []),
    ...(dead > 0 ? [`I6 ${dead} programs of the server have ended, and nobody has asked how`] : []),
  ]
}
