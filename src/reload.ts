/**
 * SIGHUP: the settings file is read again. Everything is prepared before anything is put in force, so a file with a
 * problem changes nothing.
 *
 * @module
 */
import { clusterWarnings } from './config/server-warnings.ts'
import { MgoError, showProblem } from './error.ts'
import type { Journal } from './journal/journal.ts'
import type { Log } from './log/log.ts'
import { clustersOf } from './manifest/layout.ts'
import type { Repo } from './ports.ts'
import type { AuditEntry } from './release/audit.ts'
import { fixedChanges, type Serving } from './serving.ts'

/** Prepares a part of the server for other settings; throws CONFIG_INVALID, JOURNAL_FAILED. What it gives cannot fail. */
export type Part = (next: Serving) => () => void

/** Says which settings count from now on. Nobody waits for it. */
type Noted = (serving: Serving, how: 'start' | 'reload') => void

export type Reloading = {
  /** What the server runs with. */
  readonly serving: Serving
  /** Reads the settings again, under the same flags; `undefined`: there is no file. Throws CONFIG_INVALID with every problem. */
  readonly reread: (() => Serving) | undefined
  readonly log: Log
  readonly journal: Pick<Journal, 'trail'>
  readonly repo: Repo
}

/** Notes which settings count, and gives what SIGHUP does; `undefined`: there is no file to read again. */
export function reloading(
  parts: readonly Part[],
  { serving, reread, log, journal, repo }: Reloading,
): (() => void) | undefined {
  if (reread === undefined) return undefined
  const noted = settingsNoted({ log, audit: (entry) => journal.trail.add(entry), clusters: () => clustersIn(repo) })
  noted(serving, 'start')
  return reloader({ serving, reread, parts, log, noted })
}

/** Resolves when the server is to end. A terminal that closes says SIGHUP, too; a server without a file ends with it. */
export function untilSignal(reload: (() => void) | undefined): Promise<void> {
  return new Promise((resolve) => {
    for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => resolve())
    process.on('SIGHUP', reload ?? (() => resolve()))
  })
}

type ReloaderOptions = Pick<Reloading, 'serving' | 'log'> & {
  readonly reread: () => Serving
  readonly parts: readonly Part[]
  readonly noted: Noted
}

/** It throws nothing that a file can cause. */
function reloader({ serving, reread, parts, log, noted }: ReloaderOptions): () => void {
  return () => {
    try {
      const next = reread()
      for (const put of parts.map((prepare) => prepare(next))) put()
      const later = fixedChanges(serving, next)
      if (later.length > 0) log.warn(`changed, and counts after a restart only: ${later.join(', ')}`, { later })
      for (const warning of next.settings.warnings) log.warn(`warning: ${warning}`)
      noted(next, 'reload')
    } catch (error) {
      if (!(error instanceof MgoError)) throw error
      log.error(`the settings were not read again; the old ones stay in force (${error.problems.length} to mend)`)
      for (const problem of error.problems) log.error(showProblem(problem), { code: problem.code })
    }
  }
}

type NotedOptions = {
  readonly log: Log
  /** Writes into the audit trail. */
  readonly audit: (entry: AuditEntry) => Promise<void>
  /** The clusters that the gitops repo has. */
  readonly clusters: () => Promise<readonly string[]>
}

/** A line in the log, an entry in the audit trail, and what the gitops repo shows to be odd. */
function settingsNoted({ log, audit, clusters }: NotedOptions): Noted {
  return ({ settings }, how) => {
    const { file, policy } = settings.hashes
    const entry = { kind: 'settings', how, file, policy, rules: settings.access.policy.length } as const
    log.info(`the settings ${how === 'start' ? 'are' : 'were read again:'} ${file}, their policy ${policy}`, entry)
    audit(entry).catch((error: unknown) => log.error(`the settings are not in the audit trail: ${String(error)}`))
    clusters().then(
      (known) => {
        if (known.length === 0) return
        for (const warning of clusterWarnings(settings, known)) log.warn(`warning: ${warning}`)
      },
      // A repo that is away is told of elsewhere.
      () => undefined,
    )
  }
}

/** The clusters that the repo has a folder for, as last seen. */
async function clustersIn(repo: Repo): Promise<readonly string[]> {
  const tip = await repo.tip()
  return tip === undefined ? [] : clustersOf((await repo.tree(tip, 'installations')).keys())
}
