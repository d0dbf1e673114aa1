/**
 * The journal's thread: does what it is asked in the order of asking, and answers what became known in one turn in one
 * message. Started by `thread.ts`.
 *
 * @module
 */
import { flushCompileCache } from 'node:module'
import { parentPort, workerData } from 'node:worker_threads'
import type { Wrote } from './group.ts'
import { openJournal } from './journal.ts'
import { type Answer, type Asked, type Call, packed, problemFrom, type Said, unpacked } from './wire.ts'

type Methods = Readonly<Record<string, (...args: readonly unknown[]) => Promise<unknown>>>

const server = parentPort
if (server === null) throw new Error('this is a thread, and no program')

const say = (said: Said): void => server.postMessage(packed(said))
let answers: Answer[] = []
let wrote: Wrote[] = []

function send(): void {
  if (answers.length === 0 && wrote.length === 0) return
  say({ kind: 'answers', answers, wrote })
  answers = []
  wrote = []
}

function answered(answer: Answer): void {
  if (answers.push(answer) === 1) setImmediate(send)
}

function serve(file: string): void {
  const journal = openJournal(file, (one) => void wrote.push(one))
  const parts = { journal, trail: journal.trail, held: journal.held } as unknown as Readonly<Record<string, Methods>>
  const namesOf = (part: object) => Object.keys(part).filter((name) => name !== 'close' && !(name in parts))
  const answer = async ({ n, part, name, args }: Call): Promise<void> => {
    try {
      answered({ n, value: await parts[part]?.[name]?.(...args.map((one) => one ?? undefined)) })
    } catch (error) {
      answered({ n, problem: problemFrom(error) })
    }
  }
  server?.on('message', (text: string) => {
    const asked = unpacked<Asked>(text)
    if (asked.kind === 'calls') {
      for (const call of asked.calls) void answer(call)
      return
    }
    journal.close()
    // What the last writes gave is told in the turn after them.
    setImmediate(() => {
      send()
      server?.close()
    })
  })
  say({
    kind: 'open',
    names: { journal: namesOf(journal), trail: namesOf(journal.trail), held: namesOf(journal.held) },
  })
}

// A server that is killed would leave the next one to strip types here again, which takes 30 MiB for as long as it runs.
setImmediate(flushCompileCache)
try {
  serve((workerData as { readonly file: string }).file)
} catch (error) {
  say({ kind: 'failed', problem: problemFrom(error) })
}
