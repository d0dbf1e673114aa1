/**
 * What only a server and its operator need: its settings, its log, its static tokens, and the server itself. Loaded when
 * one of them asks for it.
 *
 * @module
 */
import type { CheckedSettings, Opened, ServeFlags, Where } from './cli/edges.ts'
import { checkConfig } from './check-config.ts'
import { fetchJson } from './config/fetch-json.ts'
import { resolveHooks, secretVariables } from './config/hooks.ts'
import { defaultServerSettings, readServerSettings } from './config/server-settings.ts'
import { exposureOf } from './entrance.ts'
import { MgoError } from './error.ts'
import type { Told } from './event/event.ts'
import { openTokens } from './journal/tokens.ts'
import { gathered } from './log/gather.ts'
import { openLog } from './log/log.ts'
import type { Metrics } from './metrics/metrics.ts'
import { serve, type ServeOptions } from './serve.ts'
import { type Serving, servingOf, tokensFile } from './serving.ts'
import { parseListen } from './server/listen.ts'
import type { SshKey } from './surroundings.ts'
import { readTls } from './tls.ts'

export { readServerSettings } from './config/server-settings.ts'
export { serverSchema } from './config/server-shape.ts'

const settingsOf = (file: string | undefined) =>
  file === undefined ? defaultServerSettings() : readServerSettings(file)

/** The static tokens of the server with these settings. Throws JOURNAL_FAILED, CONFIG_INVALID. */
export function tokensOf(config: string | undefined, state: string): ReturnType<typeof openTokens> {
  const settings = settingsOf(config)
  if (config !== undefined && settings.identities?.tokens === undefined)
    throw new MgoError({
      code: 'CONFIG_INVALID',
      message: `the settings ${config} take no static tokens`,
      hint: 'Write tokens: true below identities, and have the server read its settings again.',
    })
  return openTokens(tokensFile(settings, state))
}

/**
 * Whether a server could start with these flags and their settings. Throws CONFIG_INVALID with what is wrong with them
 * wherever they are read.
 *
 * @returns what an operator should know, and what is missing on this machine; `isOnline`: what the gitops repo shows, too
 */
export async function checkServing(
  flags: ServeFlags,
  isOnline: boolean,
  { state, secret, open }: Pick<Given, 'state' | 'secret' | 'open'>,
): Promise<CheckedSettings> {
  const serving = servingOf(flags, settingsOf(flags.config), state)
  exposureOf(serving, parseListen(serving.listen))
  const online = { open: () => open({ where: serving.where, login: loginOf(serving) }, () => undefined) }
  const { warnings, problems } = await checkConfig(serving, { env: process.env, ...(isOnline ? online : {}) })
  return { warnings: [...warnings, ...lackingHere(serving, secret)], problems }
}

function lackingHere({ settings }: Serving, secret: Given['secret']): readonly string[] {
  const { tls } = settings
  const here = [
    ...missingHere(() => {
      const found = resolveHooks(settings.hooks, secret)
      return found.kind === 'ok' ? [] : found.problems.map(({ message }) => message)
    }),
    ...missingHere(() => {
      if (tls !== undefined) readTls(tls)
      return []
    }),
  ]
  return here.map((one) => `a server would not start here: ${one}`)
}

function missingHere(look: () => readonly string[]): readonly string[] {
  try {
    return look()
  } catch (error) {
    if (error instanceof MgoError) return [error.message]
    throw error
  }
}

type Login = { readonly username?: string | undefined; readonly ssh?: SshKey | undefined }
type Opening = { readonly where: Where; readonly login: Login; readonly seen?: Metrics['kube'] }

export type Given = Pick<ServeOptions, 'version' | 'clock' | 'secrets' | 'secret' | 'slackWebhook'> & {
  /** The folder of mirrors, charts and journal. */
  readonly state: string
  /** Programs that mgo runs are not given these variables from now on. */
  readonly withhold: (variables: readonly string[]) => void
  readonly open: (opening: Opening, tell: (told: Told) => void) => Promise<Opened>
}

/** How the server reaches its gitops repo. */
function loginOf({ settings }: Serving): Login {
  const { sshKey: key, knownHosts, username } = settings.gitops ?? {}
  return { username, ssh: key === undefined || knownHosts === undefined ? undefined : { key, knownHosts } }
}

/** Serves until a signal ends it. Throws CONFIG_INVALID, JOURNAL_FAILED, GIT_*: then it never listened. */
export async function serveWith(flags: ServeFlags, { state, open, withhold, ...given }: Given): Promise<void> {
  const read = () => {
    const settings = settingsOf(flags.config)
    withhold(secretVariables(settings))
    return servingOf(flags, settings, state)
  }
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
