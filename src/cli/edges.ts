/**
 * What the command line is given by `main.ts`: ways to the outside that a door must not open by itself.
 *
 * @module
 */
import type { Problem } from '../error.ts'
import type { AccessSettings } from '../access/issuer.ts'
import type { TokenStore } from '../access/token.ts'
import type { Repo, World } from '../ports.ts'
import type { Told } from '../event/event.ts'
import type { Chained, Verified } from '../release/audit.ts'
import type { Secrets } from '../secrets.ts'

/** Where to find things; from flags, completed by the environment. */
export type Where = {
  readonly gitopsRepo: string
  readonly branch?: string | undefined
  readonly kubeconfig?: string | undefined
  readonly helm?: string | undefined
  /** A clone is committed to and not pushed. */
  readonly commitOnly?: boolean
  /** A chart's version may be a range. */
  readonly allowRanges?: boolean
  /** Milliseconds that one fetch or push may take. */
  readonly gitTimeoutMs?: number
}

export type Opened = { readonly world: World; readonly repo: Repo; readonly close: () => Promise<void> }

/** What the flags of `mgo serve` and the environment say; the settings file has the rest. */
export type ServeFlags = {
  readonly gitopsRepo?: string | undefined
  readonly branch?: string | undefined
  readonly kubeconfig?: string | undefined
  readonly helm?: string | undefined
  readonly config?: string | undefined
  readonly listen?: string | undefined
  readonly journal?: string | undefined
  readonly allowRanges?: boolean
  readonly dryRun: boolean
  readonly insecureOpen: boolean
  /** Milliseconds that a request waits for a git server that is away; then its verdict says so. */
  readonly patienceMs?: number | undefined
  readonly gitTimeoutMs?: number | undefined
  /** Requests without a verdict at most. */
  readonly most?: number | undefined
  /** Commits and pushes; no cluster is touched. */
  readonly commitOnly: boolean
  readonly logLevel?: LogLevel | undefined
}

export const logLevels = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof logLevels)[number]

/** The audit trail of one journal. */
export type Trail = {
  page(after: number): Promise<readonly Chained[]>
  /** Some of the requests that the journal has and the trail does not. */
  unwritten(): Promise<readonly string[]>
  close(): void
}

/** What a settings file says about access. `hooks`: by their names. */
export type SettingsView = {
  readonly access: AccessSettings
  readonly hooks: Readonly<Record<string, unknown>>
  /** The journal's file, where they name one. */
  readonly journal?: string | undefined
}

/** `warnings`: no reason not to start. */
export type CheckedSettings = { readonly warnings: readonly string[]; readonly problems: readonly Problem[] }

export type Edges = {
  readonly version: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** What goes to the terminal passes through its `hide`. */
  readonly secrets: Secrets
  /** Whether a person watches stderr. */
  readonly isTerminal: boolean
  /** Opens repo, cluster and engines. Events go to `tell`. */
  open(where: Where, tell: (told: Told) => void): Promise<Opened>
  /** Serves until a signal ends it. */
  serve(flags: ServeFlags): Promise<void>
  /** Whether a server could start with these flags; holds its settings against the kubeconfig and, `isOnline`, the gitops repo. Throws CONFIG_INVALID with every problem of the file. */
  checkServing(flags: ServeFlags, isOnline: boolean): Promise<CheckedSettings>
  /** Opens the audit trail of a journal that no server has open; default: the one in the state folder. Throws JOURNAL_FAILED. */
  openTrail(journal: string | undefined): Trail
  /** Follows a chain from its first entry, page by page. */
  verifier(): (page: readonly Chained[]) => Verified
  /** Reads mgo.server.yaml. Throws CONFIG_INVALID with every problem. */
  settings(file: string): Promise<SettingsView>
  /** The JSON Schema of mgo.server.yaml. */
  settingsSchema(): Promise<unknown>
  /** The static tokens of the server with these settings. Throws JOURNAL_FAILED, CONFIG_INVALID where they take none. */
  tokens(config: string | undefined): Promise<TokenStore>
  /** The user of the system who runs this. */
  readonly user: () => string
  /** A secret by its name in the environment, or from the file that NAME_FILE names. Throws CONFIG_INVALID. */
  secret(name: string): string | undefined
  readText(file: string): Promise<string>
  /** Writes files below a folder: what `mgo render --out` does. */
  writeFiles(folder: string, files: ReadonlyMap<string, Uint8Array>): Promise<void>
  readonly args: readonly string[]
}
