/**
 * Searching for secrets in everything that came out: in any form that somebody may have copied them in, in files, and in
 * what anybody on this machine can read of processes.
 *
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'

/** What a secret looks like once somebody has copied it. */
function forms(text: string): readonly string[] {
  const base64 = Buffer.from(text).toString('base64')
  return [text, base64.replace(/=+$/, ''), JSON.stringify(text).slice(1, -1), encodeURIComponent(text)]
}

/** Everything that came out, by where. */
export type Out = Map<string, string>

/** Which secret is where. */
export function hitsIn(out: Out, secrets: Readonly<Record<string, string>>): readonly string[] {
  return [...out].flatMap(([where, text]) =>
    Object.entries(secrets).flatMap(([name, value]) =>
      forms(value).some((form) => text.includes(form)) ? [`${name}: ${where}`] : [],
    ),
  )
}

/** Every file below a folder, as bytes. */
export function filesBelow(folder: string): readonly { readonly path: string; readonly text: string }[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ path, text: readFileSync(path, 'latin1') }))
}

/** Reads the arguments of every process, while it lasts, until `stop` gives them. */
export function watchArguments(): { readonly stop: () => string } {
  const seen = new Set<string>()
  const sampling = setInterval(() => {
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name)))
      try {
        seen.add(readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' '))
      } catch {
        // It has ended meanwhile.
      }
  }, 15)
  return {
    stop: () => {
      clearInterval(sampling)
      return [...seen].join('\n')
    },
  }
}

/** Reads the environment of every process below one, while it lasts, until `stop` gives it by program. Not of the one itself. */
export function watchEnvironments(parent: number): { readonly stop: () => Out } {
  const seen: Out = new Map()
  const read = (pid: string, what: string) => readFileSync(`/proc/${pid}/${what}`, 'latin1').replaceAll('\0', ' ')
  const own = read(String(parent), 'cmdline')
  const isBelow = (pid: string): boolean => {
    const above = Number(/^PPid:\s+(\d+)$/m.exec(read(pid, 'status'))?.[1] ?? 0)
    return above === parent || (above > 1 && isBelow(String(above)))
  }
  const sampling = setInterval(() => {
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name)))
      try {
        // First: until a child has become its program it is a copy of its parent, with the parent's own environment.
        const words = read(pid, 'cmdline')
        if (words === '' || words === own || !isBelow(pid)) continue
        seen.set(`environment of ${basename(words.split(' ')[0] ?? '')}`, read(pid, 'environ'))
      } catch {
        // It has ended meanwhile.
      }
  }, 15)
  return {
    stop: () => {
      clearInterval(sampling)
      return seen
    },
  }
}
