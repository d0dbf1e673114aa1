/**
 * A journal in a thread of its own. SQLite waits for the disk where it is called; there nobody waits with it who only
 * wants to be heard, such as a health check.
 *
 * @module
 */
import { Worker } from 'node:worker_threads'
import { MgoError } from '../error.ts'
import { journalError } from './error.ts'
import type { Wrote } from './group.ts'
import type { Journal } from './journal.ts'
import { type Answer, type Asked, type Call, type Part, packed, type Said, unpacked } from './wire.ts'

/** Writes what still waits, and lets the file go. */
export type ThreadJournal = Journal & { close(): Promise<void> }

/**
 * Opens the journal; makes file and folder where they are missing. `told` hears of each transaction. Where the thread
 * dies, the process does: it could keep no promise any more.
 *
 * @throws MgoError JOURNAL_FAILED
 */
export async function openJournalThread(file: string, told: (wrote: Wrote) => void): Promise<ThreadJournal> {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: { file } })
  const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
  const first = unpacked<Said>(await new Promise<string>((resolve) => worker.once('message', resolve)))
  if (first.kind === 'failed') {
    await ended
    throw new MgoError(first.problem)
  }
  if (first.kind !== 'open') throw new Error(`the journal's thread began with ${first.kind}`)
  const calls = callsTo(worker, file)
  worker.on('message', (text: string) => {
    const said = unpacked<Said>(text)
    if (said.kind !== 'answers') return
    for (const one of said.wrote) told(one)
    for (const one of said.answers) calls.answered(one)
  })
  worker.unref()
  const { names } = first
  const part = (of: Part) => Object.fromEntries(names[of].map((name) => [name, calls.method(of, name)]))
  const close = async (): Promise<void> => {
    calls.close()
    worker.ref()
    await ended
  }
  return { ...part('journal'), trail: part('trail'), held: part('held'), close } as unknown as ThreadJournal
}

type Open = { readonly resolve: (value: unknown) => void; readonly reject: (why: unknown) => void }

/** The calls under way. While there are any, the thread keeps the process alive. */
function callsTo(worker: Worker, file: string) {
  const open = new Map<number, Open>()
  let waiting: Call[] = []
  let next = 0
  let isClosed = false
  const ask = (asked: Asked): void => worker.postMessage(packed(asked))
  const send = (): void => {
    if (waiting.length > 0) ask({ kind: 'calls', calls: waiting })
    waiting = []
  }
  return {
    method:
      (part: Part, name: string) =>
      (...args: readonly unknown[]): Promise<unknown> =>
        new Promise((resolve, reject) => {
          if (isClosed) return reject(journalError(file, new Error('it is closed')))
          const n = next++
          open.set(n, { resolve, reject })
          if (open.size === 1) worker.ref()
          if (waiting.push({ n, part, name, args }) === 1) setImmediate(send)
        }),
    answered(answer: Answer): void {
      const asker = open.get(answer.n)
      open.delete(answer.n)
      if (open.size === 0 && !isClosed) worker.unref()
      if ('problem' in answer) asker?.reject(new MgoError(answer.problem))
      else asker?.resolve(answer.value)
    },
    close(): void {
      send()
      isClosed = true
      ask({ kind: 'close' })
    },
  }
}
