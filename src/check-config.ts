/**
 * `serve --check-config`: the settings held against what they name. The kubeconfig is read in any case; the gitops repo
 * where that is asked for. Everything is told at once.
 *
 * @module
 */
import type { CheckedSettings } from './cli/edges.ts'
import { kubeconfigFiles, readKubeconfig } from './config/kubeconfig.ts'
import { clusterWarnings, contextWarnings } from './config/server-warnings.ts'
import { readSettings } from './deploy/draft.ts'
import { repoInvalid } from './deploy/survey.ts'
import { tipOf } from './deploy/tip.ts'
import { MgoError, type Problem } from './error.ts'
import { clustersOf } from './manifest/layout.ts'
import { didYouMean } from './manifest/nearest.ts'
import { clusterDefaults } from './manifest/settings.ts'
import type { Repo } from './ports.ts'
import type { Cluster } from './release/ids.ts'
import type { Serving } from './serving.ts'

export type Against = {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Opens the gitops repo; absent: it is not asked. */
  readonly open?: () => Promise<{ readonly repo: Repo; close(): Promise<void> }>
}

/** Checks settings that are well formed by themselves. */
export async function checkConfig(serving: Serving, { env, open }: Against): Promise<CheckedSettings> {
  const { settings } = serving
  const contexts = await found(() => contextsOf(serving, env))
  const repo = open === undefined ? undefined : await found(() => repoOf(open))
  const there = repo?.value
  const known = contexts.value
  return {
    problems: repo === undefined ? [] : [...contexts.problems, ...repo.problems],
    warnings: [
      ...settings.warnings,
      // Settings may be checked where the kubeconfig is not.
      ...(repo === undefined ? contexts.problems.map(({ message }) => message) : []),
      ...(there === undefined ? [] : clusterWarnings(settings, [...there.keys()])),
      ...(known === undefined ? [] : there === undefined ? contextWarnings(settings, known) : strange(there, known)),
    ],
  }
}

type Found<T> = { readonly value: T | undefined; readonly problems: readonly Problem[] }

/** What the world refuses is a problem beside the others. */
async function found<T>(look: () => T | undefined | Promise<T | undefined>): Promise<Found<T>> {
  try {
    return { value: await look(), problems: [] }
  } catch (error) {
    if (!(error instanceof MgoError)) throw error
    return { value: undefined, problems: error.problems }
  }
}

/** `undefined`: no cluster is touched, or the pod's own account is what mgo uses. */
function contextsOf({ where, commitOnly }: Serving, env: Against['env']): readonly string[] | undefined {
  if (commitOnly) return undefined
  const files = kubeconfigFiles(where.kubeconfig, env)
  return files.length === 0 ? undefined : [...readKubeconfig(files).contexts.keys()]
}

/** The clusters of the repo, each with the context that it is reached by; `undefined`: mgo only renders for it. */
type Reached = ReadonlyMap<Cluster, string | undefined>

async function repoOf(open: NonNullable<Against['open']>): Promise<Reached> {
  const opened = await open()
  const { repo } = opened
  try {
    const tip = await tipOf(repo)
    const read = await readSettings(tip, repo)
    if (read.kind === 'refused') throw repoInvalid(read.problems)
    const clusters = clustersOf((await repo.tree(tip, 'installations')).keys())
    return new Map(
      clusters.map((cluster) => {
        const { context, engine } = read.settings.clusters.get(cluster) ?? clusterDefaults(cluster)
        return [cluster, engine === 'render' ? undefined : context]
      }),
    )
  } finally {
    await opened.close()
  }
}

function strange(clusters: Reached, contexts: readonly string[]): readonly string[] {
  return [...clusters].flatMap(([cluster, context]) =>
    context === undefined || contexts.includes(context)
      ? []
      : [
          `the gitops repo has installations/${cluster}, and the kubeconfig no context "${context}" to reach it by. ${didYouMean(context, contexts)}`,
        ],
  )
}
