/**
 * Who may come in, put together from the settings before anything listens: identities, policy, names, certificate.
 *
 * @module
 */
import { openTokens } from './journal/tokens.ts'
import type { Clock } from './ports.ts'
import type { AppOptions } from './server/app.ts'
import { openAccess } from './server/auth.ts'
import type { FetchJson } from './server/keys.ts'
import { type Listen, exposure, parseListen } from './server/listen.ts'
import type { Serving } from './serving.ts'
import { readTls } from './tls.ts'

export type Entrance = Pick<AppOptions, 'access' | 'exposure' | 'tls' | 'proxies'> & {
  readonly listen: Listen
  readonly close: () => void
}

type Around = { readonly clock: Clock; readonly fetchJson: FetchJson; readonly print: (line: string) => void }

/** Opens it. Throws CONFIG_INVALID where anybody could come in, JOURNAL_FAILED for the tokens. */
export function openEntrance(serving: Serving, { clock, fetchJson, print }: Around): Entrance {
  const { settings, insecureOpen } = serving
  const listen = parseListen(serving.listen)
  const identities = settings.identities === undefined ? 'none' : 'needed'
  const exposed = exposure({ listen, url: settings.url, identities, insecureOpen })
  const tls = settings.tls === undefined ? undefined : readTls(settings.tls)
  for (const warning of settings.warnings) print(`warning: ${warning}`)
  if (exposed.warning !== undefined) print(`warning: ${exposed.warning}`)
  const tokens = serving.tokens === undefined ? undefined : openTokens(serving.tokens)
  const access = openAccess({
    settings: identities === 'none' ? undefined : settings.access,
    tokens,
    fetchJson,
    clock,
    warn: print,
    limits: settings.limits,
  })
  return {
    access,
    exposure: exposed,
    tls,
    ...(settings.proxy === undefined ? {} : { proxies: settings.proxy.trusted }),
    listen,
    close: () => tokens?.close(),
  }
}
