/**
 * What the command line is given by `main.ts`: ways to the outside that a door must not open by itself.
 *
 * @module
 */
import type { Repo, World } from '../ports.ts'
import type { Told } from '../event/event.ts'

/** Where to find things; from flags, completed by the environment. */
export type Where = {
  readonly gitopsRepo: string
  readonly branch?: string | undefined
  readonly kubeconfig?: string | undefined
  readonly helm?: string | undefined
  /** A clone is committed to and not pushed. */
  readonly commitOnly?: boolean
  /** Milliseconds that one fetch or push may take. */
  readonly gitTimeoutMs?: number
}

export type Opened = { readonly world: World; readonly repo: Repo; readonly close: () => Promise<void> }

export type Serving = {
  readonly listen: string
  readonly journal?: string | undefined
  readonly dryRun: boolean
  /** Milliseconds that a request waits for a git server that is away; then its verdict says so. */
  readonly patienceMs: number
  /** Requests without a verdict at most. */
  readonly most: number
  /** Commits and pushes; no cluster is touched. */
  readonly commitOnly: boolean
}

export type Edges = {
  readonly version: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** Whether a person watches stderr. */
  readonly isTerminal: boolean
  /** Opens repo, cluster and engines. Events go to `tell`. */
  open(where: Where, tell: (told: Told) => void): Promise<Opened>
  /** Serves until a signal ends it. */
  serve(where: Where, serving: Serving, print: (line: string) => void): Promise<void>
  /** Writes files below a folder: what `mgo render --out` does. */
  writeFiles(folder: string, files: ReadonlyMap<string, Uint8Array>): Promise<void>
  readonly args: readonly string[]
}
