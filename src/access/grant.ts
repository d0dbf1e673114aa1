/**
 * What may be done, and to what. A grant opens nothing that it does not spell out: a missing list is no star.
 *
 * @module
 */
import type { Image } from '../release/image.ts'
import { matches, matchesAny } from './pattern.ts'

/** What can be asked for. `admin` holds the others. */
export const verbs = ['deploy', 'rollback', 'sync', 'read', 'approve', 'admin'] as const
export type Verb = (typeof verbs)[number]

/** What a rule or a token's scope opens. What changes something needs `sources` and `images`; elsewhere a list is a bound. */
export type Grant = {
  readonly may: readonly Verb[]
  readonly clusters: readonly string[]
  readonly sources?: readonly string[] | undefined
  /** `REPOSITORY` or `REPOSITORY:TAG`; without a tag every tag and digest. */
  readonly images?: readonly string[] | undefined
  /** `NAMESPACE/NAME`. */
  readonly releases?: readonly string[] | undefined
}

/** What somebody wants to do. Without a cluster: something about the whole server. */
export type Wish = {
  readonly verb: Verb
  readonly cluster?: string | undefined
  readonly source?: string | undefined
  readonly image?: Image | undefined
  readonly release?: string | undefined
}

/** Why a grant does not reach a wish; the deeper, the nearer it was. */
export type Miss = { readonly why: string; readonly depth: number }

/**
 * Why a grant does not reach a wish, or `undefined` where it does. Its bounds hold for all its verbs: a grant for one
 * source does not read or sync the whole cluster.
 */
export function miss(grant: Grant, wish: Wish): Miss | undefined {
  const { verb, cluster, source, image, release } = wish
  if (!grant.may.includes(verb) && !grant.may.includes('admin'))
    return { why: `it allows ${grant.may.join(', ')}, not ${verb}`, depth: 2 }
  if (cluster === undefined ? !grant.clusters.includes('**') : !matchesAny(grant.clusters, cluster))
    return { why: `it is for ${listed('cluster', grant.clusters)}, not ${cluster ?? 'the whole server'}`, depth: 3 }
  const whole = `all of ${cluster ?? 'the server'}`
  const named = release !== undefined && grant.releases !== undefined && matchesAny(grant.releases, release)
  const { sources = unbounded(verb), images = unbounded(verb) } = grant
  if (source === undefined ? isBounded(grant.sources) && !named : !matchesAny(sources, source))
    return { why: `it is for ${listed('source', grant.sources)}, not ${source ?? whole}`, depth: 4 }
  const wantsAll = image === undefined && source === undefined && isBounded(grant.images) && !named
  if (wantsAll || (image !== undefined && !images.some((one) => matchesImage(one, image))))
    return {
      why: `it is for ${listed('image', grant.images)}, not ${image === undefined ? whole : shown(image)}`,
      depth: 5,
    }
  if (isBounded(grant.releases) && !named && (release !== undefined || source === undefined))
    return { why: `it is for ${listed('release', grant.releases)}, not ${release ?? whole}`, depth: 6 }
  return undefined
}

/** Verbs that change what runs. Where a grant for them says nothing of sources and images, it opens none. */
export function changes(verb: Verb): boolean {
  return verb === 'deploy' || verb === 'rollback' || verb === 'admin'
}

function unbounded(verb: Verb): readonly string[] {
  return changes(verb) ? [] : ['**']
}

function isBounded(patterns: readonly string[] | undefined): boolean {
  return patterns !== undefined && !patterns.includes('**')
}

/** `quay.io/acme/*:v*` has a pattern for the tag; a colon before a slash is a port. */
function matchesImage(pattern: string, { repository, tag }: Image): boolean {
  const colon = pattern.lastIndexOf(':')
  if (colon <= pattern.lastIndexOf('/')) return matches(pattern, repository)
  return matches(pattern.slice(0, colon), repository) && tag !== undefined && matches(pattern.slice(colon + 1), tag)
}

function listed(what: string, patterns: readonly string[] | undefined): string {
  if (patterns === undefined || patterns.length === 0) return `no ${what}`
  return `${what}${patterns.length === 1 ? '' : 's'} ${patterns.join(', ')}`
}

function shown({ repository, tag, digest }: Image): string {
  return `${repository}${tag === undefined ? `@${digest ?? ''}` : `:${tag}`}`
}
