/**
 * Looks at the process of a run, from outside.
 *
 * @module
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** One server from its start to its end. */
export type Life = {
  /** The most memory that it ever took, as far as it was seen. */
  readonly peakMiB: number
  /** Files that it had open when it began, callers not counted. */
  readonly files: number
}

export type Run = {
  readonly url: string
  readonly pid: number
  /** Where the servers of this run keep their files: programs that work there are theirs. */
  readonly state: string
  /** Each server of this run; the last one lives. */
  readonly lives: readonly Life[]
  readonly maxPeakMiB: number
  /** Files that a server may hold in the end above those of its start: two programs and the git server are spoken to. */
  readonly moreFiles: number
  /** How long the programs of a server may take to end after the last verdict. */
  readonly restMs: number
}

/** What a file below /proc says; nothing where the process has ended. */
function said(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function link(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

/** The most memory that a process has had at once; 0 where it is gone. */
export function peakMiB(pid: number): number {
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(said(`/proc/${pid}/status`))?.[1] ?? 0) / 1024
}

/** Files that a process has open, without the connections of those who call it on this port. */
export function openFiles(pid: number, port: number): number {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const rows = ['tcp', 'tcp6'].flatMap((name) => said(`/proc/${pid}/net/${name}`).split('\n'))
  // proc_net_tcp(5): the second word is the own address, the fourth the state (0A: listens), the tenth the inode.
  const callers = new Set(
    rows
      .map((row) => row.trim().split(/\s+/))
      .filter(([, own, , state]) => own?.endsWith(local) === true && state !== '0A')
      .map((words) => `socket:[${words[9]}]`),
  )
  return readdirSync(`/proc/${pid}/fd`).filter((name) => !callers.has(link(`/proc/${pid}/fd/${name}`))).length
}

type Program = {
  readonly pid: number
  readonly parent: number
  readonly how: string
  readonly text: string
  readonly about: string
}

/** All programs of this machine (proc(5), "stat"). `how`: Z has ended. `about`: what it was given, and where it works. */
function programs(): readonly Program[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const [, how = '', parent = ''] = /\) (\w) (\d+) /s.exec(said(`/proc/${name}/stat`)) ?? []
      if (how === '') return []
      const text = said(`/proc/${name}/cmdline`).replaceAll('\0', ' ')
      const about = [text, said(`/proc/${name}/environ`), link(`/proc/${name}/cwd`)].join('\0')
      return [{ pid: Number(name), parent: Number(parent), how, text, about }]
    })
}

/** The programs that a server keeps for as long as it lives: one that reads objects, one that makes commits. */
const keeps = [/ cat-file --batch /, / fast-import /]

/** What a run has started and not ended: below its server, and what servers before it have left behind. */
function left({ pid, state }: Run): readonly string[] {
  const all = programs()
  const below = new Set([pid])
  // A child may have a lower number than its parent.
  for (let size = 0; size !== below.size; ) {
    size = below.size
    for (const one of all) if (below.has(one.parent)) below.add(one.pid)
  }
  const isOurs = (one: Program) => below.has(one.pid) || one.about.includes(state)
  const started = all.filter((one) => one.pid !== pid && isOurs(one) && /^(\S*\b(git|helm)|$)/.test(one.text))
  const kept = keeps.map((shape) => started.find((one) => below.has(one.pid) && shape.test(one.text)))
  return started
    .filter((one) => !kept.includes(one))
    .map(({ how, text }) =>
      how === 'Z'
        ? 'I6 a program of the server has ended, and nobody has asked how'
        : `I6 a program of the server is left: ${text}`,
    )
}

function overfull(run: Run): readonly string[] {
  const open = openFiles(run.pid, Number(new URL(run.url).port))
  const before = run.lives.at(-1)?.files ?? 0
  return open > before + run.moreFiles ? [`I6 the server holds ${open} files open, ${before} when it began`] : []
}

/** What is still wrong when everything had its time to end. */
async function rested(run: Run): Promise<readonly string[]> {
  const endMs = performance.now() + run.restMs
  for (;;) {
    const wrong = [...overfull(run), ...left(run)]
    if (wrong.length === 0 || performance.now() > endMs) return wrong
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/** I6: the process lives, answers, has never held too much memory, and keeps no more files and programs than it began with. */
export async function alive(run: Run): Promise<readonly string[]> {
  const health = await fetch(`${run.url}/healthz`).catch(() => undefined)
  await health?.body?.cancel()
  if (health?.status !== 200) return ['I6 the server does not answer']
  const peaks = [...run.lives.map((life) => life.peakMiB), peakMiB(run.pid)]
  const most = Math.max(...peaks)
  return [...(most > run.maxPeakMiB ? [`I6 a server took ${most} MiB`] : []), ...(await rested(run))]
}
