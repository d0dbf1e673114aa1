/**
 * What git says when it fails → MgoError. First match wins; each row's real line stands in error.test.ts.
 *
 * @module
 */
import { type Code, MgoError } from '../error.ts'
import type { Ran } from '../exec.ts'
import { plain } from '../text.ts'

type Known = { readonly says: RegExp; readonly code: Code; readonly hint: string }

const known: readonly Known[] = [
  {
    says: /Authentication failed|could not read (?:Username|Password)|Permission denied \(|HTTP 40[13]|returned error: 40[13]|terminal prompts disabled|access denied/i,
    code: 'GIT_DENIED',
    hint: 'Give mgo’s key or token the right to read and push this repository.',
  },
  {
    says: /Repository not found|does not appear to be a git repository|repository '.*' not found|returned error: 404/i,
    code: 'GIT_NOT_A_REPO',
    hint: 'Look at the address; the repository may be missing, or hidden from this key.',
  },
  {
    says: /Host key verification failed/i,
    code: 'GIT_UNREACHABLE',
    hint: 'Put the key of the git server into known_hosts, after you have compared it: ssh-keyscan HOST.',
  },
  {
    says: /certificate|SSL CA cert/i,
    code: 'GIT_UNREACHABLE',
    hint: 'Its certificate is not trusted here: name the authority’s file (PEM) in GIT_SSL_CAINFO, or in git’s http.sslCAInfo. Nothing was written.',
  },
  {
    says: /Could not resolve host|Connection refused|Connection timed out|Failed to connect|Couldn't connect|Empty reply|unable to access|Connection reset|early EOF|hung up unexpectedly/i,
    code: 'GIT_UNREACHABLE',
    hint: 'Is the git server up, and can this machine reach it? Nothing was deployed by this attempt.',
  },
]

/** The error of a git command that failed in a way nobody expected there. */
export function gitError(what: string, ran: Ran): MgoError {
  const row = known.find(({ says }) => says.test(ran.stderr))
  const ended = ran.ended === 'itself' ? '' : ` (${ran.ended})`
  return new MgoError({
    code: row?.code ?? (ran.ended === 'timeout' ? 'GIT_UNREACHABLE' : 'GIT_FAILED'),
    message: `git ${what} failed${ended}: ${said(ran.stderr)}`,
    hint: row?.hint ?? 'Git’s own words stand above; try the same with git by hand.',
  })
}

/** Git's last words on one line, without passwords and without what could paint a terminal. */
export function said(stderr: string): string {
  const lines = stderr
    .split(/[\r\n]+/)
    .map((line) => plain(line).trim())
    .filter((line) => line !== '' && !/^(?:hint|Cloning|To )/.test(line))
  const text = lines
    .slice(-3)
    .join('; ')
    .replace(/\/\/[^/@\s]*@/g, '//***@')
  return text === '' ? 'no word from git' : text.slice(0, 600)
}

/** A file that is larger than what mgo reads. `name`: how people know it. */
export function tooLarge(name: string, bytes: number, limit: number): MgoError {
  return new MgoError({
    code: 'FILE_TOO_LARGE',
    message: `${name} has ${bytes} bytes; mgo reads up to ${limit}`,
    hint: 'Split the file, or take it out of installations/.',
  })
}
