/**
 * What of the environment of whoever starts mgo reaches the programs that it runs. Pure.
 *
 * @module
 */
import { join } from 'node:path'

type Env = Readonly<Record<string, string | undefined>>

/** Where mirrors, charts and the journal are kept: MGO_STATE, else the user's state folder. */
export function stateFolder(env: Env, temporary: string): string {
  const { MGO_STATE, XDG_STATE_HOME, HOME } = env
  if (MGO_STATE) return MGO_STATE
  if (XDG_STATE_HOME) return join(XDG_STATE_HOME, 'mgo')
  return HOME ? join(HOME, '.local', 'state', 'mgo') : join(temporary, 'mgo')
}

const network = [
  'http_proxy',
  'https_proxy',
  'no_proxy',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'GIT_SSL_CAINFO',
]
const persons = ['HOME', 'SSH_AUTH_SOCK', 'XDG_CONFIG_HOME', 'USER']

/** A key for a git server whose own keys are known. */
export type SshKey = { readonly key: string; readonly knownHosts: string }

/** For git: a person's own keys, agent and credential helpers; a server has only what it was given by name. */
export function gitEnv(
  env: Env,
  surroundings: 'of a person' | 'of a server',
  ssh?: SshKey,
): Readonly<Record<string, string>> {
  const common = pick(env, ['PATH', 'GIT_SSH_COMMAND', 'TMPDIR', ...network])
  if (surroundings === 'of a server')
    return ssh === undefined ? common : { ...common, GIT_SSH_COMMAND: sshCommand(ssh) }
  const home = env['HOME']
  const own = home === undefined ? {} : { GIT_CONFIG_GLOBAL: env['GIT_CONFIG_GLOBAL'] ?? join(home, '.gitconfig') }
  return { ...common, ...pick(env, persons), ...own }
}

/** git hands it to a shell, and ssh reads the value of an option once more. */
function sshCommand({ key, knownHosts }: SshKey): string {
  const options = [
    'IdentitiesOnly=yes',
    'BatchMode=yes',
    'StrictHostKeyChecking=yes',
    `UserKnownHostsFile="${knownHosts}"`,
  ]
  return ['ssh', '-F', '/dev/null', '-i', key, ...options.flatMap((one) => ['-o', one])].map(quoted).join(' ')
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`
}

/**
 * For helm and the login programs of a kubeconfig, which find the cloud's credentials in the environment. `own`: the
 * variables that hold mgo's own secrets under names of the operator's, such as those of hooks.
 */
export function given(env: Env, own: ReadonlySet<string>): Readonly<Record<string, string>> {
  const hidden = /^(?:MGO_|NODE_|npm_|HELM_|OTEL_)/
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) =>
      value === undefined || hidden.test(name) || own.has(name) ? [] : [[name, value]],
    ),
  )
}

/** The registries that MGO_HELM_PLAIN_HTTP names: `host:port`, with commas between. */
export function plainHosts(env: Env): ReadonlySet<string> {
  return new Set((env['MGO_HELM_PLAIN_HTTP'] ?? '').split(/[,\s]+/).filter((one) => one !== ''))
}

/** What the environment holds that is secret, by the names of its variables: programs that mgo runs may repeat it. */
export function secretsOf(env: Env): readonly string[] {
  const named = /(?:PASSWORD|PASSWD|TOKEN|SECRET|API_?KEY|ACCESS_KEY|PRIVATE_KEY|CREDENTIALS?|WEBHOOK)$/i
  return Object.entries(env).flatMap(([name, value]) => (value !== undefined && named.test(name) ? [value] : []))
}

function pick(env: Env, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name): [string, string][] => {
      const value = env[name]
      return value === undefined ? [] : [[name, value]]
    }),
  )
}

/** Who runs this. A container's user may have no name; who came by sudo is what the environment claims, and told as such. */
export function userOf(env: Env, info: () => { readonly username: string }, uid: number | undefined): string {
  const name = named(info) ?? `uid ${uid ?? 'unknown'}`
  const { SUDO_USER = '' } = env
  return /^[\w.@-]{1,64}$/.test(SUDO_USER) ? `${name} (sudo by ${SUDO_USER})` : name
}

function named(info: () => { readonly username: string }): string | undefined {
  try {
    return info().username || undefined
  } catch {
    return undefined
  }
}
