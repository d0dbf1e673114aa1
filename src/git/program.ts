/**
 * Git as a program: arguments as lists, an environment of our own, no prompts, no hooks, no filters, allowed protocols
 * only. A password reaches git through an askpass script that reads it from the environment, never as an argument.
 *
 * @module
 */
import { randomUUID } from 'node:crypto'
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hiding, type Ran, type Run, type RunOptions, run } from '../exec.ts'
import type { Hide, Secrets } from '../secrets.ts'
import type { Credentials } from './place.ts'

export type GitOptions = {
  /** A folder of our own, mode 0700. */
  readonly home: string
  readonly credentials: Credentials | undefined
  /** What of the caller's environment git may see: PATH, and for a person at a terminal HOME and SSH_AUTH_SOCK. */
  readonly env: Readonly<Record<string, string>>
  /** Is told the password, and takes it and all others out of git’s words. */
  readonly secrets: Secrets
  /** Where relative paths of a clone's own settings count from. */
  readonly cwd?: string
}

const settings = [
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'credential.interactive=false',
  'http.followRedirects=false',
  'transfer.fsckObjects=true',
  'gc.auto=0',
  'maintenance.auto=false',
  'protocol.allow=never',
  'protocol.http.allow=always',
  'protocol.https.allow=always',
  'protocol.ssh.allow=always',
  'protocol.file.allow=always',
  'core.quotePath=false',
  'push.recurseSubmodules=no',
  'submodule.recurse=false',
  'advice.detachedHead=false',
  'core.fsyncMethod=batch',
].flatMap((setting) => ['-c', setting])

export type Git = {
  /** Runs git; a failure is an ordinary answer. */
  (args: readonly string[], options?: Partial<RunOptions>): Promise<Ran>
  readonly env: Readonly<Record<string, string>>
  /** Takes secrets out of what git or its server said. */
  readonly hide: Hide
  /** The repository that it works on. */
  readonly folder: string
  /** The arguments that go before the command's own. */
  readonly before: readonly string[]
}

/** Makes the wrapper for one repository. */
export function gitProgram(gitDir: string, options: GitOptions, exec: Run = run): Git {
  const { home, credentials, env, cwd, secrets } = options
  if (credentials !== undefined)
    secrets.credential(credentials.password, `${credentials.username}:${credentials.password}`)
  const call = hiding(exec, secrets.hide)
  mkdirSync(home, { recursive: true, mode: 0o700 })
  const own: Record<string, string> = {
    HOME: home,
    GIT_CONFIG_GLOBAL: '/dev/null',
    ...env,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_LFS_SKIP_SMUDGE: '1',
    GIT_ALLOW_PROTOCOL: 'http:https:ssh:file',
    LC_ALL: 'C',
    ...(credentials === undefined ? {} : askpass(home, credentials)),
  }
  own['GIT_SSH_COMMAND'] ??= 'ssh -oBatchMode=yes'
  const before = [...settings, `--git-dir=${gitDir}`]
  const git = (args: readonly string[], more: Partial<RunOptions> = {}) =>
    call('git', [...before, ...args], { env: own, ...(cwd === undefined ? {} : { cwd }), ...more })
  return Object.assign(git, { env: own, before, folder: gitDir, hide: secrets.hide })
}

function askpass(home: string, { username, password }: Credentials): Record<string, string> {
  const script = join(home, 'askpass')
  // Another process may be running it at this moment: it is put in its place whole.
  const fresh = `${script}.${randomUUID()}`
  writeFileSync(
    fresh,
    '#!/bin/sh\ncase "$1" in Username*) printf %s "$MGO_GIT_USERNAME" ;; *) printf %s "$MGO_GIT_PASSWORD" ;; esac\n',
    { mode: 0o700 },
  )
  renameSync(fresh, script)
  return { GIT_ASKPASS: script, MGO_GIT_USERNAME: username, MGO_GIT_PASSWORD: password }
}
