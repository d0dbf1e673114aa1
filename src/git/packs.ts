/**
 * Each write leaves a pack of its own, and each fetch loose objects: git gets slower with them. They are rolled into one,
 * beside what waits for answers, and nothing is lost where that breaks off: git writes the new pack before the old ones go.
 *
 * @module
 */
import { closeSync, openSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Git } from './program.ts'
import type { InTurn } from './turns.ts'

/** Rolling them up takes some hundredths of a second; git itself begins at 50, too (gc.autoPackLimit). */
const mostPacks = 50
/** In one of 256 folders; as many in all as git lets lie (gc.auto). */
const mostLoose = 27
const repackMs = 120_000

export type Packs = {
  /** Says that something was written; begins to tidy up where it is time. */
  written(): void
  /** Waits for what was begun. */
  settled(): Promise<unknown>
}

/** Keeps the packs of a mirror few. `inTurn`: no write while they are rolled up, so that none waits for a lock. */
export function openPacks(git: Git, gitDir: string, inTurn: InTurn): Packs {
  let going: Promise<unknown> | undefined
  const tidy = async () => {
    try {
      await inTurn(() => alone(gitDir, () => rollUp(git, gitDir)))
    } catch {
      // A disk that is full, a folder that is gone: the next write says so, and better.
    } finally {
      going = undefined
    }
  }
  return {
    written: () => {
      if (going === undefined && isTime(gitDir)) going = tidy()
    },
    settled: async () => going,
  }
}

/** Whatever lies in a small pack or loose goes into the new one, whether a branch leads to it or not. */
const repack = ['-c', 'pack.threads=1', 'repack', '--quiet', '--geometric=2', '-d']

async function rollUp(git: Git, gitDir: string): Promise<void> {
  freePacks(gitDir)
  await git(repack, { timeoutMs: repackMs })
}

/**
 * fast-import keeps its packs from being rolled up while it lives, and for ever where it is killed; and it writes none
 * that it finds kept already. Whoever lives gets over it.
 */
export function freePacks(gitDir: string): void {
  const folder = join(gitDir, 'objects', 'pack')
  for (const name of names(folder)) if (name.endsWith('.keep')) rmSync(join(folder, name), { force: true })
}

function isTime(gitDir: string): boolean {
  const objects = join(gitDir, 'objects')
  const packs = names(join(objects, 'pack')).filter((name) => name.endsWith('.pack'))
  return packs.length > mostPacks || names(join(objects, '17')).length > mostLoose
}

function names(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

/** Another mgo on the same mirror has it in hand; one that died leaves a lock that is old. */
async function alone(gitDir: string, work: () => Promise<unknown>): Promise<void> {
  const lock = join(gitDir, 'mgo-packing')
  const age = Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now())
  if (age > repackMs * 2) rmSync(lock, { force: true })
  try {
    closeSync(openSync(lock, 'wx'))
  } catch {
    return
  }
  try {
    await work()
  } finally {
    rmSync(lock, { force: true })
  }
}
