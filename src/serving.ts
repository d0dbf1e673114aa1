/**
 * What a server is started with: flags first, then the environment, then the settings file. Pure.
 *
 * @module
 */
import { join } from 'node:path'
import type { LogLevel, ServeFlags, Where } from './cli/edges.ts'
import type { ServerSettings } from './config/server-settings.ts'

export type Serving = {
  readonly where: Where
  readonly listen: string
  readonly journal: string
  /** The file of the static tokens; `undefined`: none are taken. */
  readonly tokens: string | undefined
  readonly dryRun: boolean
  /** Commits and pushes; no cluster is touched. */
  readonly commitOnly: boolean
  /** How long a request waits for a git server that is away. */
  readonly patienceMs: number
  /** Requests without a verdict at most. */
  readonly most: number
  readonly insecureOpen: boolean
  readonly logLevel: LogLevel
  readonly settings: ServerSettings
}

/** Puts flags and settings together. `state`: the state folder. */
export function servingOf(flags: ServeFlags, settings: ServerSettings, state: string): Serving {
  const { gitops, identities, limits } = settings
  return {
    where: {
      gitopsRepo: flags.gitopsRepo ?? gitops?.repo ?? '.',
      branch: flags.branch ?? gitops?.branch,
      kubeconfig: flags.kubeconfig ?? settings.kubeconfig,
      helm: flags.helm ?? settings.helm,
      allowRanges: flags.allowRanges ?? false,
      gitTimeoutMs: flags.gitTimeoutMs ?? limits.gitTimeout * 1000,
    },
    listen: flags.listen ?? settings.listen ?? '127.0.0.1:8080',
    journal: flags.journal ?? settings.journal ?? join(state, 'journal.sqlite'),
    tokens: identities?.tokens === undefined ? undefined : tokensFile(settings, state),
    dryRun: flags.dryRun,
    commitOnly: flags.commitOnly || settings.commitOnly,
    patienceMs: flags.patienceMs ?? limits.patience * 1000,
    most: flags.most ?? limits.underWay,
    insecureOpen: flags.insecureOpen,
    logLevel: flags.logLevel ?? settings.log.level ?? 'info',
    settings,
  }
}

/** Where the tokens of a server are. */
export function tokensFile({ identities }: Pick<ServerSettings, 'identities'>, state: string): string {
  return typeof identities?.tokens === 'string' ? identities.tokens : join(state, 'tokens.sqlite')
}

/** What a running server cannot change, by the names of the settings. */
const fixed: Readonly<Record<string, (serving: Serving) => unknown>> = {
  listen: ({ listen }) => listen,
  tls: ({ settings }) => settings.tls,
  proxy: ({ settings }) => settings.proxy,
  gitops: ({ where, settings: { gitops } }) => [where.gitopsRepo, where.branch, { ...gitops, repo: 0, branch: 0 }],
  kubeconfig: ({ where }) => where.kubeconfig,
  helm: ({ where }) => where.helm,
  journal: ({ journal }) => journal,
  commitOnly: ({ commitOnly }) => commitOnly,
  traces: ({ settings }) => settings.traces,
  'limits.gitTimeout': ({ where }) => where.gitTimeoutMs,
}

/** Which of these differ. */
export function fixedChanges(before: Serving, after: Serving): readonly string[] {
  return Object.entries(fixed).flatMap(([name, of]) =>
    JSON.stringify(of(before)) === JSON.stringify(of(after)) ? [] : [name],
  )
}
