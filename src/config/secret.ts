/**
 * Secrets come from the environment, or from a file that the environment names, as Kubernetes and Docker mount them:
 * `MGO_GIT_PASSWORD`, or `MGO_GIT_PASSWORD_FILE`. Never from the settings file.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { MgoError } from '../error.ts'

type Env = Readonly<Record<string, string | undefined>>

/**
 * The secret of a name, without the line end that editors leave; `undefined` where it is not set.
 *
 * @throws MgoError CONFIG_INVALID where both forms are set, or the file cannot be read
 */
export function secretOf(env: Env, name: string): string | undefined {
  const value = env[name] || undefined
  const file = env[`${name}_FILE`] || undefined
  if (file === undefined) return value
  if (value !== undefined) throw invalid(`${name} and ${name}_FILE are both set`, 'Unset one of them.')
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '') || undefined
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code ?? 'unknown'
    throw invalid(`${name}_FILE names ${file}, which cannot be read (${why})`, 'Is it mounted, and may mgo read it?')
  }
}

function invalid(message: string, hint: string): MgoError {
  return new MgoError({ code: 'CONFIG_INVALID', message, hint })
}
