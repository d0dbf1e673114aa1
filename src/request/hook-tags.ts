/**
 * Which pushed tag is a deploy. Versions and builds only go forward: an older one that is pushed late, or pushed again,
 * changes nothing; going back is what `mgo rollback` is for.
 *
 * @module
 */
import semver from 'semver'

/** `match`: the whole tag. `newest`: the whole tag, and its one group `(…)` is a number (a build, a date) that may only grow. */
export type TagPolicy =
  | { readonly kind: 'any' }
  | { readonly kind: 'semver'; readonly range: string; readonly prereleases: boolean }
  | { readonly kind: 'match'; readonly pattern: string }
  | { readonly kind: 'newest'; readonly pattern: string }

export type Judged = { readonly kind: 'deploy' } | { readonly kind: 'ignored'; readonly why: string }

/** Why a policy cannot be used, or `undefined`. */
export function policyProblem(policy: TagPolicy): string | undefined {
  if (policy.kind === 'any') return undefined
  if (policy.kind === 'semver')
    return semver.validRange(policy.range) === null ? `"${policy.range}" is no range of versions` : undefined
  const problem = patternProblem(policy.pattern)
  if (problem !== undefined || policy.kind === 'match') return problem
  const groups = new RegExp(`^(?:${policy.pattern})$|`).exec('')?.length
  return groups === 2 ? undefined : 'the pattern of "newest" needs exactly one group, such as main-(\\d+)'
}

/**
 * Judges a tag.
 *
 * @param current - the tags that the image has by now
 */
export function judgeTag(tag: string, policy: TagPolicy, current: readonly string[]): Judged {
  switch (policy.kind) {
    case 'any':
      return { kind: 'deploy' }
    case 'match':
      return whole(policy.pattern).test(tag) ? { kind: 'deploy' } : ignored(`${tag} does not match ${policy.pattern}`)
    case 'semver':
      return judgeVersion(tag, policy, current)
    case 'newest':
      return judgeBuild(tag, policy.pattern, current)
  }
}

type Versions = Extract<TagPolicy, { kind: 'semver' }>

function judgeVersion(tag: string, { range, prereleases }: Versions, current: readonly string[]): Judged {
  const version = semver.valid(tag)
  if (version === null) return ignored(`${tag} is no version`)
  const options = { includePrerelease: prereleases }
  if (!semver.satisfies(version, range, options)) return ignored(`${tag} is outside ${range}`)
  const newer = current.find((one) => {
    const known = semver.valid(plain(one))
    return known !== null && semver.satisfies(known, range, options) && semver.gt(known, version)
  })
  return newer === undefined ? { kind: 'deploy' } : ignored(`${tag} is older than ${newer}, which is there already`)
}

function judgeBuild(tag: string, pattern: string, current: readonly string[]): Judged {
  const build = buildOf(tag, pattern)
  if (build === undefined) return ignored(`${tag} does not match ${pattern}`)
  const newer = current.find((one) => (buildOf(plain(one), pattern) ?? -1n) > build)
  return newer === undefined ? { kind: 'deploy' } : ignored(`${tag} is older than ${newer}, which is there already`)
}

function buildOf(tag: string, pattern: string): bigint | undefined {
  const digits = whole(pattern)
    .exec(tag)?.[1]
    ?.replace(/[^0-9]/g, '')
  return digits === undefined || digits === '' ? undefined : BigInt(digits)
}

/** A pinned tag is `v1@sha256:…`. */
function plain(tag: string): string {
  return tag.split('@', 1)[0] ?? tag
}

function whole(pattern: string): RegExp {
  return new RegExp(`^(?:${pattern})$`)
}

function ignored(why: string): Judged {
  return { kind: 'ignored', why }
}

/** What else follows a quantifier in a pattern of linear or low polynomial cost is harmless on 128 characters. */
const mostRepeats = 3

/**
 * Why a pattern is refused, or `undefined`. Tags come from outside, and JavaScript’s expressions go back and try again:
 * a repeated group that repeats inside, or a choice that is repeated, can take longer than the world has. Such patterns
 * are refused; nobody needs them for tags.
 */
export function patternProblem(pattern: string): string | undefined {
  if (pattern.length > 200) return 'the pattern is longer than 200 characters'
  try {
    void new RegExp(pattern)
  } catch {
    return 'the pattern is no regular expression'
  }
  // What is escaped, or stands in a class, is one character.
  const bare = pattern.replace(/\\[^k1-9]/g, 'x').replace(/\[[^\]]*\]/g, 'x')
  if (/\\[k1-9]/.test(bare)) return 'the pattern refers back to a group'
  if (/\(\?<?[=!]/.test(bare)) return 'the pattern looks ahead or behind'
  if (/\)(?:[*+]|\{)/.test(bare)) return 'the pattern repeats a group'
  const repeats = bare.match(/[*+]|\{\d+,/g)?.length ?? 0
  return repeats > mostRepeats ? `the pattern has more than ${mostRepeats} open repeats (* or +)` : undefined
}
