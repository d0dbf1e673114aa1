/**
 * Folders for one call of helm, with values in clear or a password in them. Each goes with its call; what a mgo that was
 * killed has left goes before the next one is made.
 *
 * @module
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { writer, writerState } from './writer.ts'

/** No call takes longer. Of what another machine has left nothing else is known. */
const longestMs = 24 * 60 * 60_000

/** Gives a folder of mode 0700 to `work`, and takes it away afterwards. `home`: helm's, which several mgo may share. */
export async function inFolder<T>(home: string, work: (folder: string) => Promise<T>): Promise<T> {
  const within = join(home, 'work')
  mkdirSync(within, { recursive: true, mode: 0o700 })
  for (const name of readdirSync(within)) if (isLeft(join(within, name), name)) remove(join(within, name))
  const folder = mkdtempSync(join(within, `${writer()}.`))
  try {
    return await work(folder)
  } finally {
    remove(folder)
  }
}

function isLeft(folder: string, name: string): boolean {
  const state = writerState(name)
  if (state !== 'unknown') return state === 'dead'
  const { mtimeMs } = statSync(folder, { throwIfNoEntry: false }) ?? { mtimeMs: Date.now() }
  return Date.now() - mtimeMs > longestMs
}

function remove(folder: string): void {
  rmSync(folder, { recursive: true, force: true })
}
