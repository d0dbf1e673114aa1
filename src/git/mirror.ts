/**
 * The mirror: a bare repository of our own, which holds nothing that the remote does not. So it may be thrown away, and
 * it is where a process that died has left it damaged.
 *
 * @module
 */
import { randomUUID } from 'node:crypto'
import { existsSync, globSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gitError } from './error.ts'
import type { Git } from './program.ts'
import { remembered } from './turns.ts'

/** Says that a process works with the mirror; after a proper end it is gone. */
const marker = 'mgo-in-use'
/** A lock of git is held for moments; an older one belongs to nobody any more. */
const staleMs = 5_000
const fsckMs = 30_000

export type Mirror = {
  /**
   * Resolves when the mirror may be worked with, and says whether it had to be made anew. Where it fails it may be asked
   * again. Throws MgoError GIT_FAILED.
   */
  readonly sound: () => Promise<'kept' | 'anew'>
  /** `sound`: at once. `unchecked`: a process died here, and a large one is looked through for seconds. */
  readonly state: 'sound' | 'unchecked'
  /** Says that it was left in order, unless nobody knows. */
  close(): Promise<void>
}

/** Makes the mirror where there is none that git can read. Throws MgoError GIT_FAILED. */
export async function openMirror(git: Git, gitDir: string): Promise<Mirror> {
  const state = existsSync(join(gitDir, marker)) && (await isReadable(git)) ? 'unchecked' : 'sound'
  if (state === 'unchecked') return uncheckedMirror(git, gitDir)
  if (existsSync(join(gitDir, marker))) rmSync(gitDir, { recursive: true, force: true })
  await ready(git, gitDir)
  return { state, sound: async () => 'kept', close: async () => closeMirror(gitDir) }
}

async function isReadable(git: Git): Promise<boolean> {
  return (await git(['rev-parse', '--git-dir'])).code === 0
}

function uncheckedMirror(git: Git, gitDir: string): Mirror {
  const stop = new AbortController()
  let state: 'unchecked' | 'sound' = 'unchecked'
  const sound = remembered(async () => {
    const found = await mend(git, gitDir, stop.signal)
    await ready(git, gitDir)
    state = 'sound'
    return found
  })
  // Nobody may want it for a while, and then at once.
  sound().catch(() => undefined)
  return {
    state,
    sound,
    async close() {
      if (state === 'sound') closeMirror(gitDir)
      stop.abort()
      await sound().catch(() => undefined)
    },
  }
}

async function ready(git: Git, gitDir: string): Promise<void> {
  if (!existsSync(join(gitDir, 'HEAD'))) await make(git, gitDir)
  writeFileSync(join(gitDir, marker), '')
}

/** Several mgo may begin at the same moment: each makes one beside, and the first puts its own in place, whole. */
async function make(git: Git, gitDir: string): Promise<void> {
  const fresh = `${gitDir}.${randomUUID()}`
  mkdirSync(fresh, { recursive: true, mode: 0o700 })
  try {
    const ran = await git([`--git-dir=${fresh}`, 'init', '--quiet', '--bare', '--end-of-options', fresh])
    if (ran.code !== 0) throw gitError('init', ran)
    // In this order: whoever puts one there now brings its HEAD with it.
    if (existsSync(gitDir) && !existsSync(join(gitDir, 'HEAD'))) rmSync(gitDir, { recursive: true })
    renameSync(fresh, gitDir)
  } catch (error) {
    if (!existsSync(join(gitDir, 'HEAD'))) throw error
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
}

function closeMirror(gitDir: string): void {
  rmSync(join(gitDir, marker), { force: true })
}

const leftovers = ['objects/**/tmp_*', 'objects/pack/.tmp-*', 'fast_import_crash_*', 'mgo-edges-*']

async function mend(git: Git, gitDir: string, signal: AbortSignal): Promise<'kept' | 'anew'> {
  // What a killed fetch, import or repack was writing; a living one of another mgo is younger than that.
  for (const name of globSync(leftovers, { cwd: gitDir })) removeStale(join(gitDir, name), 10 * 60_000)
  removeStaleLocks(gitDir)
  // Of all objects, not only of those that a ref leads to: the refs may be what is lost, and a fetch trusts whatever is there.
  const ran = await git(['fsck', '--full', '--no-dangling', '--no-progress'], { timeoutMs: fsckMs, signal })
  // One that takes longer is not known to be damaged.
  if (ran.code === 0 || ran.ended !== 'itself') return 'kept'
  rmSync(gitDir, { recursive: true, force: true })
  return 'anew'
}

/** Removes locks of git that nobody holds any more; says how many. */
export function removeStaleLocks(gitDir: string): number {
  const locks = globSync(['*.lock', 'refs/**/*.lock'], { cwd: gitDir })
  return locks.filter((name) => removeStale(join(gitDir, name), staleMs)).length
}

function removeStale(file: string, ms: number): boolean {
  const age = Date.now() - (statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? Number.POSITIVE_INFINITY)
  if (age < ms) return false
  rmSync(file, { recursive: true, force: true })
  return true
}
