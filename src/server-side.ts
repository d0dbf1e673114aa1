/**
 * What only a server and its operator need: its settings, its log, its static tokens, and the server itself. Loaded when
 * one of them asks for it.
 *
 * @module
 */
import type { CheckedSettings, Opened, ServeFlags, Where } from './cli/edges.ts'
import { checkConfig } from './check-config.ts'
import { fetchJson } from './config/fetch-json.ts'
import { defaultServerSettings, readServerSettings } from './config/server-settings.ts'
import type { Told } from './event/event.ts'
import { openTokens } from './journal/tokens.ts'
import { gathered } from './log/gather.ts'
import { openLog } from './log/log.ts'
import type { Metrics } from './metrics/metrics.ts'
import { serve, type ServeOptions } from './serve.ts'
import { type Serving, servingOf, tokensFile } from './serving.ts'
import type { SshKey } from './surroundings.ts'

export { readServerSettings } from './config/server-settings.ts'
export { serverSchema } from './config/server-shape.ts'

const settingsOf = (file: string | undefined) =>
  file === undefined ? defaultServerSettings() : readServerSettings(file)

/** The static tokens of the server with these settings. Throws JOURNAL_FAILED, CONFIG_INVALID. */
export function tokensOf(config: string | undefined, state: string): ReturnType<typeof openTokens> {
  return openTokens(tokensFile(settingsOf(config), state))
}

type Login = { readonly username?: string | undefined; readonly ssh?: SshKey | undefined }
type Opening = { readonly where: Where; readonly login: Login; readonly seen?: Metrics['kube'] }

export type Given = Pick<ServeOptions, 'version' | 'clock' | 'secrets' | 'secret' | 'slackWebhook'> & {
  /** The folder of mirrors, charts and journal. */
  readonly state: string
  readonly open: (opening: Opening, tell: (told: Told) => void) => Promise<Opened>
}

/** Says all that is odd about settings: `isOnline` asks the gitops repo, too. Throws CONFIG_INVALID with every problem of the file. */
export async function checkServing(
  flags: ServeFlags,
  isOnline: boolean,
  { state, open }: Checking,
): Promise<CheckedSettings> {
  const serving = servingOf(flags, settingsOf(flags.config), state)
  const online = { open: () => open({ where: serving.where, login: loginOf(serving) }, () => undefined) }
  return checkConfig(serving, { env: process.env, ...(isOnline ? online : {}) })
}

type Checking = Pick<Given, 'state' | 'open'>

/** How the server reaches its gitops repo. */
function loginOf({ settings }: Serving): Login {
  const { sshKey: key, knownHosts, username } = settings.gitops ?? {}
  return { username, ssh: key === undefined || knownHosts === undefined ? undefined : { key, knownHosts } }
}

/** Serves until a signal ends it. Throws CONFIG_INVALID, JOURNAL_FAILED, GIT_*: then it never listened. */
export async function serveWith(flags: ServeFlags, { state, open, ...given }: Given): Promise<void> {
  const read = () => servingOf(flags, settingsOf(flags.config), state)
  const serving = read()
  const login = loginOf(serving)
  const said = gathered((text) => process.stderr.write(text))
  process.once('exit', said.flush)
  const log = openLog({
    level: serving.logLevel,
    look: process.stderr.isTTY ? 'lines' : 'json',
    hide: given.secrets.hide,
    write: said.write,
  })
  await serve({
    ...given,
    serving,
    reread: flags.config === undefined ? undefined : read,
    log,
    setLevel: log.setLevel,
    env: process.env,
    fetchJson,
    chance: Math.random,
    open: (tell, seen) => open({ where: serving.where, login, ...(seen === undefined ? {} : { seen }) }, tell),
  })
}
