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

/** For git: a person's own keys, agent and credential helpers; a server has only what it was given by name. */
export function gitEnv(env: Env, surroundings: 'of a person' | 'of a server'): Readonly<Record<string, string>> {
  const common = pick(env, ['PATH', 'GIT_SSH_COMMAND', 'TMPDIR', ...network])
  if (surroundings === 'of a server') return common
  const home = env['HOME']
  const own = home === undefined ? {} : { GIT_CONFIG_GLOBAL: env['GIT_CONFIG_GLOBAL'] ?? join(home, '.gitconfig') }
  return { ...common, ...pick(env, persons), ...own }
}

/** For helm and the login programs of a kubeconfig, which find the cloud's credentials in the environment. */
export function given(env: Env): Readonly<Record<string, string>> {
  const hidden = /^(?:MGO_|NODE_|npm_|HELM_)/
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined || hidden.test(name) ? [] : [[name, value]])),
  )
}

/** A user name and password or token for the gitops repo, where it has no key. */
export function credentialsOf(env: Env): { readonly username: string; readonly password: string } | undefined {
  const password = env['MGO_GIT_PASSWORD']
  return password === undefined || password === ''
    ? undefined
    : { username: env['MGO_GIT_USERNAME'] ?? 'mgo', password }
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
