/**
 * A limit on what a git server may send: git has none for a fetch, and a server that never stops would fill the disk.
 *
 * @module
 */
import { readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { MgoError } from '../error.ts'

/** No gitops repo comes near it. */
export const fetchBytes = 2 * 1024 ** 3
const everyMs = 200

/**
 * Runs a fetch into a repository; ends it once what git is still writing there is larger than `limit` bytes.
 *
 * @throws MgoError GIT_FAILED
 */
export async function capped<T>(gitDir: string, limit: number, fetch: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController()
  const look = setInterval(() => {
    if (sizeOf(gitDir) > limit) stop.abort()
  }, everyMs)
  try {
    const done = await fetch(stop.signal)
    if (!stop.signal.aborted) return done
    for (const file of unfinished(gitDir)) rmSync(file, { force: true })
    throw tooMuch(limit)
  } finally {
    clearInterval(look)
  }
}

/** Bytes of what is unfinished. A process out of files cannot look, and looks again in a moment. */
function sizeOf(gitDir: string): number {
  try {
    return unfinished(gitDir).reduce((sum, file) => sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0), 0)
  } catch {
    return 0
  }
}

/** What git has not given its name yet: packs, and loose objects. */
function unfinished(gitDir: string): readonly string[] {
  const objects = join(gitDir, 'objects')
  return readdirSync(objects).flatMap((folder) => {
    if (!/^(?:pack|[0-9a-f]{2})$/.test(folder)) return []
    const names = readdirSync(join(objects, folder))
    return names.filter((name) => name.startsWith('tmp_')).map((name) => join(objects, folder, name))
  })
}

function tooMuch(limit: number): MgoError {
  const size = limit >= 1024 ** 3 ? `${limit / 1024 ** 3} GiB` : `${Math.round(limit / 1024)} KiB`
  return new MgoError({
    code: 'GIT_FAILED',
    message: `the git server sends more than ${size} for one fetch; mgo took none of it`,
    hint: 'Is it the right repository? One that really holds that much is none for mgo: keep large files elsewhere.',
  })
}
