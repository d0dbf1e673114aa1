/**
 * File systems that only one server sees, in a mount namespace of its own. Who is not root is root in a user namespace.
 *
 * @module
 */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import type { Trial } from './trial.ts'

const isRoot = process.getuid?.() === 0

/** Starts a server that finds a file system in memory at each of `places` below `folder`; sizes in MiB. */
export function mountsOfItsOwn(folder: string, places: Readonly<Record<string, number>>): readonly string[] {
  const lines = Object.entries(places).map(([name, mib]) => {
    const place = join(folder, name)
    return `mkdir -p ${place} && mount -t tmpfs -o size=${mib}m tmpfs ${place}`
  })
  const user = isRoot ? [] : ['--map-root-user']
  return ['unshare', ...user, '--mount', 'sh', '-c', `${lines.join(' && ')} && exec "$@"`, 'sh']
}

/** Runs a shell line where the server runs. */
export function inside(trial: Trial, line: string): void {
  const user = isRoot ? [] : ['--user', '--preserve-credentials']
  const target = ['--target', String(trial.service().pid), ...user, '--mount']
  execFileSync('nsenter', [...target, 'sh', '-c', line], { stdio: 'pipe' })
}
