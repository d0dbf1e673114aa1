/**
 * Who may come in, put together from the settings before anything listens: identities, policy, names, certificate. All
 * but the address and the certificate can be exchanged while the server runs.
 *
 * @module
 */
import type { TokenStore } from './access/token.ts'
import { plainWarning } from './config/server-warnings.ts'
import { openTokens } from './journal/tokens.ts'
import type { AppOptions } from './server/app.ts'
import { type AccessOptions, type AccessState, openAccess } from './server/auth.ts'
import { type Exposure, type Listen, exposure, parseListen } from './server/listen.ts'
import type { Part } from './reload.ts'
import type { Serving } from './serving.ts'
import { readTls } from './tls.ts'

export type Entrance = Pick<AppOptions, 'access' | 'exposure' | 'tls' | 'proxies'> & {
  readonly listen: Listen
  /** Every store of static tokens that was opened. */
  readonly stores: () => readonly TokenStore[]
  readonly reload: Part
  readonly close: () => void
}

type Around = Pick<AccessOptions, 'clock' | 'fetchJson' | 'denied'> & { readonly print: (line: string) => void }

/** Opens it. Throws CONFIG_INVALID where anybody could come in, JOURNAL_FAILED for the tokens. */
export function openEntrance(serving: Serving, { print, ...around }: Around): Entrance {
  const { settings } = serving
  const listen = parseListen(serving.listen)
  let exposed = exposureOf(serving, listen)
  const tls = settings.tls === undefined ? undefined : readTls(settings.tls)
  for (const warning of warningsOf(serving, exposed)) print(`warning: ${warning}`)
  const stores = new Map<string, TokenStore>()
  const state = (next: Serving, { asks }: Exposure): AccessState => ({
    settings: asks ? next.settings.access : undefined,
    tokens: next.tokens === undefined ? undefined : storeOf(next.tokens, stores),
    limits: next.settings.limits,
  })
  const access = openAccess({ ...around, ...state(serving, exposed), warn: print })
  return {
    access,
    exposure: changing(() => exposed),
    tls,
    ...(settings.proxy === undefined ? {} : { proxies: settings.proxy.trusted }),
    listen,
    stores: () => [...stores.values()],
    reload: (next) => {
      const seen = exposureOf(next, listen)
      const replacing = state(next, seen)
      return () => {
        exposed = seen
        access.replace(replacing)
      }
    },
    close: () => stores.forEach((store) => store.close()),
  }
}

/** Names change with the settings; whether anybody may come in at all does not, without another start. */
function changing(now: () => Exposure): Entrance['exposure'] {
  const { warning } = now()
  return {
    get names() {
      return now().names
    },
    ...(warning === undefined ? {} : { warning }),
  }
}

function warningsOf({ settings, listen }: Serving, { warning }: Exposure): ReadonlySet<string> {
  const plain = plainWarning(settings, listen)
  return new Set([...settings.warnings, plain, warning].filter((one) => one !== undefined))
}

/** How the server can be reached. Throws CONFIG_INVALID where anybody could come in. */
export function exposureOf({ settings, insecureOpen }: Serving, listen: Listen): Exposure {
  return exposure({ listen, url: settings.url, identities: identitiesOf(settings), insecureOpen })
}

/** One that was opened stays open: a request may be using it. */
function storeOf(file: string, stores: Map<string, TokenStore>): TokenStore {
  const store = stores.get(file) ?? openTokens(file)
  stores.set(file, store)
  return store
}

function identitiesOf({ identities, hooks }: Serving['settings']): 'needed' | 'hooks' | 'none' {
  if (identities !== undefined) return 'needed'
  return Object.keys(hooks).length > 0 ? 'hooks' : 'none'
}
