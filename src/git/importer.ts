/**
 * A `git fast-import` that is kept: to start one takes longer than what it does for a deploy. Each batch ends in a
 * checkpoint, after which its objects are in the repository. It ends with its input, and so with the mgo that feeds it.
 *
 * @module
 */
import { once } from 'node:events'
import { readFile, rm } from 'node:fs/promises'
import { type Ran, start, stop } from '../exec.ts'
import { freePacks } from './packs.ts'
import type { Git } from './program.ts'

/** `ran`: what it said, and how it ended where it did. `pack`: the file that holds all that is new, and nothing else. */
export type Fed = { readonly ran: Ran; readonly pack: string | undefined }

export type Importer = {
  /** Feeds it one batch, and no other one meanwhile. What goes wrong is an ordinary answer. */
  feed(batch: Uint8Array): Promise<Fed>
  /** Ends it and waits for that. The next batch starts another one. */
  rest(): Promise<void>
}

const feedMs = 120_000
/** It has nothing to do any more but to close its files. */
const restMs = 5_000

/**
 * Opens the importer of a repository; the program starts with the first batch, and again after it ended.
 *
 * @param edges - in a mirror of our own: a file for git to name its packs in; without it the objects may lie loose
 */
export function openImporter(git: Git, edges?: string): Importer {
  const packed =
    edges === undefined ? { settings: [], flags: [] } : { settings: onePack, flags: [`--export-pack-edges=${edges}`] }
  const args = [...packed.settings, 'fast-import', ...packed.flags, '--quiet', '--force', '--done', '--date-format=raw']
  let kept: Program | undefined
  /** Packs that the file names from before. */
  let named = 0
  const begin = () => {
    if (edges !== undefined) freePacks(git.folder)
    kept = startProgram(git, args)
    return kept
  }
  const rest = async () => {
    const last = kept
    kept = undefined
    if (last !== undefined) await end(last)
    named = 0
    if (edges !== undefined) await rm(edges, { force: true })
  }
  return {
    rest,
    async feed(batch) {
      const before = kept?.hasEnded === false ? kept : undefined
      let ran = await feedTo(before ?? begin(), batch, git.hide)
      // It may have been killed, or miss a pack of its own that another mgo on the same mirror has rolled up.
      if (ran.code !== 0 && ran.ended === 'itself' && before !== undefined) ran = await feedTo(begin(), batch, git.hide)
      const packs = edges === undefined ? [] : await packsIn(edges)
      const [pack, second] = packs.slice(named)
      // Its file was taken for a leftover: another program has another one.
      if (packs.length < named) await rest()
      else named = packs.length
      return { ran, pack: second === undefined ? pack : undefined }
    },
  }
}

/** Without it a small pack becomes loose objects. */
const onePack = ['-c', 'fastimport.unpackLimit=1']

/** `<pack>: <commit> …`, a line a pack. */
async function packsIn(edges: string): Promise<readonly string[]> {
  const lines = (await readFile(edges, 'utf8').catch(() => '')).split('\n').filter((line) => line !== '')
  return lines.map((line) => line.replace(/:(?: [0-9a-f]+)*$/, ''))
}

/** A batch that is under way. */
type Batch = { out: string; ended: Ran['ended']; readonly settle: (code: number) => void }
type Program = {
  readonly child: ReturnType<typeof start>
  readonly closed: Promise<unknown>
  stderr: string
  hasEnded: boolean
  batch: Batch | undefined
}

/** It says so when the checkpoint before it is through. */
const through = 'progress through\n'
const stderrCap = 64 * 1024

function startProgram(git: Git, args: readonly string[]): Program {
  const child = start('git', [...git.before, ...args], { env: git.env })
  const closed = once(child, 'close').catch(() => undefined)
  const program: Program = { child, closed, stderr: '', hasEnded: false, batch: undefined }
  const ended = () => {
    program.hasEnded = true
    program.batch?.settle(-1)
  }
  child.on('error', ended)
  child.on('close', ended)
  child.stdin.on('error', () => undefined)
  child.stderr.on('data', (chunk: Buffer) => {
    if (program.stderr.length < stderrCap) program.stderr += chunk.toString('utf8')
  })
  child.stdout.on('data', (chunk: Buffer) => {
    const { batch } = program
    if (batch === undefined) return
    batch.out += chunk.toString('latin1')
    if (batch.out.endsWith(through)) batch.settle(0)
  })
  return program
}

async function feedTo(program: Program, bytes: Uint8Array, hide: Git['hide']): Promise<Ran> {
  const { child } = program
  const { promise, resolve } = Promise.withResolvers<number>()
  const batch: Batch = { out: '', ended: 'itself', settle: resolve }
  const timer = setTimeout(() => {
    batch.ended = 'timeout'
    stop(child)
  }, feedMs)
  program.batch = batch
  child.stdin.write(bytes)
  child.stdin.write(`checkpoint\n${through}`)
  const code = await promise
  program.batch = undefined
  clearTimeout(timer)
  const stdout = Buffer.from(batch.out.replace(through, ''), 'latin1')
  return { code, stdout, stderr: hide(program.stderr), ended: batch.ended }
}

async function end({ child, closed }: Program): Promise<void> {
  const timer = setTimeout(() => stop(child), restMs)
  child.stdin.end('done\n')
  await closed
  clearTimeout(timer)
}
