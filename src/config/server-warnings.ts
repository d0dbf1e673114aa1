/**
 * What is no mistake by itself, and still not what anybody wants: an operator hears of it at the start and from
 * `--check-config`. Pure.
 *
 * @module
 */
import { isByNameOnly } from '../access/claims.ts'
import { matches } from '../access/pattern.ts'
import type { Rule } from '../access/policy.ts'
import { didYouMean } from '../manifest/nearest.ts'
import type { ServerShape } from './server-shape.ts'

/** All that the settings show by themselves. */
export function settingsWarnings(shape: ServerShape): readonly string[] {
  const { policy = [], identities, hooks } = shape
  const plain = plainWarning(shape, shape.listen)
  const byName = policy.filter(({ who }) => 'issuer' in who && isByNameOnly(who.claims))
  // On loopback without identities nobody asks the policy.
  const isAsked = identities !== undefined || policy.length > 0 || !isLoopback(shape.listen)
  const idle = isAsked
    ? Object.entries(hooks).filter(([hook, { images }]) => images.length > 0 && !isNamed(hook, policy))
    : []
  return [
    ...byName.map(
      ({ name }) => `the rule "${name}" knows a repository by its name only; names can be taken over: add its id`,
    ),
    ...idle.map(([hook]) => `no rule of the policy is for the hook "${hook}": all that it asks for will be refused`),
    ...policy.flatMap((rule) => strangeHook(rule, Object.keys(hooks))),
    ...(plain === undefined ? [] : [plain]),
  ]
}

/** Whether tokens would travel where others can read them. `listen`: where the server listens in the end. */
export function plainWarning(
  { identities, tls, url, proxy }: Pick<ServerShape, 'identities' | 'tls' | 'url' | 'proxy'>,
  listen: string | undefined,
): string | undefined {
  if (identities === undefined || tls !== undefined || isLoopback(listen)) return undefined
  // A proxy in front of it, which brings https.
  if (proxy !== undefined || url?.startsWith('https:') === true) return undefined
  return `tokens come over plain http to ${listen}: write tls, or url and proxy where a proxy brings https`
}

/** Clusters that rules, hooks and follow name and the gitops repo has no folder for. */
export function clusterWarnings(
  { policy = [], hooks, follow }: Pick<ServerShape, 'policy' | 'hooks' | 'follow'>,
  clusters: readonly string[],
): readonly string[] {
  const unknown = (cluster: string) =>
    `"${cluster}", which the gitops repo has no folder for. ${didYouMean(cluster, clusters)}`
  const isStrange = (pattern: string) => !clusters.some((one) => matches(pattern, one))
  const hooked = Object.entries(hooks).flatMap(([hook, { images }]) =>
    [...new Set(images.flatMap((image) => image.clusters))]
      .filter(isStrange)
      .map((one) => `the hook "${hook}" deploys to ${unknown(one)}`),
  )
  return [
    ...policy.flatMap(({ name, clusters: named }) =>
      named.filter(isStrange).map((one) => `the rule "${name}" is for the cluster ${unknown(one)}`),
    ),
    ...hooked,
    ...(follow?.clusters ?? []).filter(isStrange).map((one) => `follow names ${unknown(one)}`),
  ]
}

/** Clusters that they name outright and the kubeconfig has no context of that name for; the gitops repo may know another. */
export function contextWarnings(
  { policy = [], hooks, follow }: Pick<ServerShape, 'policy' | 'hooks' | 'follow'>,
  contexts: readonly string[],
): readonly string[] {
  const by = new Map<string, string>()
  const name = (clusters: readonly string[], who: string) => {
    for (const one of clusters) if (!one.includes('*') && !contexts.includes(one) && !by.has(one)) by.set(one, who)
  }
  for (const rule of policy) name(rule.clusters, `the rule "${rule.name}"`)
  for (const [hook, { images }] of Object.entries(hooks))
    for (const { clusters } of images) name(clusters, `the hook "${hook}"`)
  name(follow?.clusters ?? [], 'follow')
  return [...by].map(
    ([cluster, who]) =>
      `${who} names the cluster "${cluster}", and the kubeconfig has no context of that name: does mygitops.yaml name another? --online looks. ${didYouMean(cluster, contexts)}`,
  )
}

function isNamed(hook: string, policy: readonly Rule[]): boolean {
  return policy.some(({ who }) => 'hook' in who && matches(who.hook, hook))
}

function strangeHook({ name, who }: Rule, hooks: readonly string[]): readonly string[] {
  if (!('hook' in who) || hooks.some((hook) => matches(who.hook, hook))) return []
  return [`the rule "${name}" is for the hook "${who.hook}", which hooks does not have. ${didYouMean(who.hook, hooks)}`]
}

/** The default is loopback. */
function isLoopback(listen = '127.0.0.1:8080'): boolean {
  return /^(?:127(?:\.\d{1,3}){3}|localhost|\[::1\]):\d+$/.test(listen)
}
