/**
 * Flags that several commands share, and how their texts become values.
 *
 * @module
 */
import { Command, InvalidArgumentError } from '@commander-js/extra-typings'
import { MgoError, meaning } from '../error.ts'
import { parseDuration } from '../manifest/header.ts'
import { type Cluster, parseCluster } from '../release/ids.ts'
import type { Verdict } from '../release/verdict.ts'

/** A command that was written in a way that means nothing. */
export function usage(message: string, hint: string): MgoError {
  return new MgoError({ code: 'USAGE', message, hint })
}

/** `5m` → milliseconds. */
export function duration(text: string): number {
  const ms = parseDuration(text)
  if (ms === undefined || ms === 0) throw new InvalidArgumentError('Write 90s, 5m or 1h30m.')
  return ms
}

/** A whole number above 0. */
export function countOf(text: string): number {
  const count = Number(text)
  if (!Number.isSafeInteger(count) || count < 1) throw new InvalidArgumentError('Write a whole number above 0.')
  return count
}

/** Reads `-o`. */
export function output(text: string): 'text' | 'json' {
  if (text === 'text' || text === 'json') return text
  throw new InvalidArgumentError('It is text or json.')
}

/** A cluster's name. Throws REQUEST_INVALID: it becomes a folder name, so no slashes and no dots in front. */
export function clusterOf(text: string): Cluster {
  const cluster = parseCluster(text)
  if (cluster !== undefined) return cluster
  throw new MgoError({
    code: 'REQUEST_INVALID',
    message: `${JSON.stringify(text)} is no cluster name`,
    hint: 'A cluster is a folder below installations/, without slashes.',
  })
}

/** Flags that every command that reads the repo has. They may stand before or after the command's name. */
export function common(name: string, summary: string) {
  return new Command(name)
    .description(summary)
    .option(
      '--gitops-repo <path-or-url>',
      'the gitops repo: a clone, a bare repo or a URL (default: MGO_GITOPS_REPO, else .)',
    )
    .option('--branch <name>', 'its branch (default: the one that the remote calls its own)')
    .option(
      '--allow-ranges',
      'a chart’s version may be a range, such as ^1.2; what it finds may differ from day to day',
    )
    .option('--debug', 'print every event as JSON')
    .option('-o, --output <text|json>', 'what stdout gets', output, 'text')
    .allowExcessArguments(false)
}

/** Flags of commands that reach a cluster. */
export function withCluster(name: string, summary: string) {
  return common(name, summary)
    .option('--kubeconfig <file>', 'kubeconfig (default: KUBECONFIG, else ~/.kube/config, else the pod’s own account)')
    .option('--helm <program>', 'helm 3 or 4 (default: MGO_HELM, else helm on PATH)')
}

type WhereFlags = {
  readonly gitopsRepo?: string
  readonly branch?: string
  readonly allowRanges?: true
  readonly kubeconfig?: string
  readonly helm?: string
}

type Env = Readonly<Record<string, string | undefined>>

/** What flags and environment say about where a command works. */
export function givenOf({ gitopsRepo, branch, allowRanges, kubeconfig, helm }: WhereFlags, env: Env) {
  return {
    gitopsRepo: gitopsRepo ?? (env['MGO_GITOPS_REPO'] || undefined),
    branch,
    allowRanges: allowRanges === true,
    kubeconfig,
    helm: helm ?? (env['MGO_HELM'] || undefined),
  }
}

/** Where a command works, from its flags and the environment. */
export function whereOf(flags: WhereFlags, env: Env) {
  const given = givenOf(flags, env)
  return { ...given, gitopsRepo: given.gitopsRepo ?? '.' }
}

/** Codes that say the cluster, not the release, is the trouble. */
const clusterTrouble = new Set(['KUBE_UNREACHABLE', 'KUBE_DENIED', 'KUBECONFIG_INVALID', 'HELM_MISSING'])

/** The exit code of a verdict (contract.md, section 2). */
export function exitOf({ verdict, problem, releases }: Pick<Verdict, 'verdict' | 'problem' | 'releases'>): number {
  if (problem !== undefined) return meaning(problem.code).exit
  switch (verdict) {
    case 'healthy':
    case 'rendered':
    case 'unchanged':
    case 'committed':
    case 'applied':
      return 0
    case 'refused':
      return 2
    case 'timed-out':
      return 3
    case 'failed':
      return releases.some((one) => clusterTrouble.has(one.code ?? '')) ? 5 : 1
    case 'superseded':
      return 1
  }
}
