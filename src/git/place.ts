/**
 * Where a gitops repo is: a URL, a bare repo over a path, or a clone with a work tree. What git itself would run as a
 * command (`ext::`, an option, `-oProxyCommand`) is refused before git sees it.
 *
 * @module
 */
import { existsSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { MgoError } from '../error.ts'
import type { Person } from '../release/request.ts'
import type { Secrets } from '../secrets.ts'

export type Credentials = { readonly username: string; readonly password: string }

export type OpenOptions = {
  /** Where mirrors are kept; made with mode 0700. */
  readonly mirrors: string
  readonly branch?: string | undefined
  readonly committer: Person
  /** PATH, and what else of the caller's environment git may see. */
  readonly env: Readonly<Record<string, string>>
  readonly credentials?: Credentials | undefined
  /** Is told the password; git’s words pass through it. */
  readonly secrets: Secrets
  /** In a clone: commit on the checked-out branch and push nothing. */
  readonly commitOnly?: boolean
  /** Milliseconds that one fetch or push may take; a minute by default. */
  readonly timeoutMs?: number | undefined
  /** Bytes that one fetch may bring; 2 GiB by default. */
  readonly fetchLimit?: number
}

export type RepoPlace =
  | {
      readonly kind: 'remote'
      readonly url: string
      readonly shown: string
      readonly credentials: Credentials | undefined
    }
  | { readonly kind: 'clone'; readonly folder: string }

/**
 * Reads what `--gitops-repo` names.
 *
 * @throws MgoError GIT_URL_INVALID, GIT_NOT_A_REPO
 */
export function repoPlace(where: string): RepoPlace {
  // A control character in an address is an attack or a mistake, and git would pass it on.
  if (where === '' || where.startsWith('-') || /[\u0000-\u001f\u007f]/.test(where))
    throw invalid(where, 'it begins with a dash, or holds a control character')
  if (/^https?:\/\//i.test(where)) return httpPlace(where)
  if (/^ssh:\/\//i.test(where)) return sshPlace(where)
  if (where.includes('::') || /^[A-Za-z][A-Za-z0-9+.-]*:\/\//.test(where))
    throw invalid(where, 'only http(s), ssh and paths are allowed')
  if (!existsSync(where) && /^(?:[A-Za-z0-9_.~]+@)?[A-Za-z0-9][A-Za-z0-9.-]*:[^:\s-][^\s]*$/.test(where)) {
    return { kind: 'remote', url: where, shown: where, credentials: undefined }
  }
  return pathPlace(resolve(where))
}

function httpPlace(where: string): RepoPlace {
  const url = parse(where)
  const { username, password } = url
  url.username = ''
  url.password = ''
  const shown = url.toString()
  const credentials =
    username === '' && password === ''
      ? undefined
      : { username: decodeURIComponent(username), password: decodeURIComponent(password) }
  return { kind: 'remote', url: shown, shown, credentials }
}

function sshPlace(where: string): RepoPlace {
  const url = parse(where)
  if (url.hostname.startsWith('-') || url.username.startsWith('-') || url.password !== '')
    throw invalid('ssh://…', 'its host, user or password is not allowed')
  return { kind: 'remote', url: where, shown: where, credentials: undefined }
}

function parse(where: string): URL {
  try {
    return new URL(where)
  } catch {
    throw invalid('the address', 'it cannot be read as a URL')
  }
}

function pathPlace(folder: string): RepoPlace {
  if (existsSync(join(folder, '.git'))) return { kind: 'clone', folder }
  const isBare =
    existsSync(join(folder, 'HEAD')) && existsSync(join(folder, 'objects')) && statSync(folder).isDirectory()
  if (isBare) return { kind: 'remote', url: folder, shown: folder, credentials: undefined }
  throw new MgoError({
    code: 'GIT_NOT_A_REPO',
    message: `${folder} is no git repository`,
    hint: 'Name a clone, a bare repository, or a URL (https://…, ssh://…, git@host:path).',
  })
}

function invalid(where: string, why: string): MgoError {
  const shown = JSON.stringify(where.replace(/\/\/[^/@]*@/, '//***@').slice(0, 120))
  return new MgoError({
    code: 'GIT_URL_INVALID',
    message: `${shown} is no address of a gitops repo: ${why}`,
    hint: 'Use https://…, ssh://…, git@host:path, or a path.',
  })
}
