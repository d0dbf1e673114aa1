/**
 * What an identity token says about a job, and the claims that a rule asks for. Pull requests are code that nobody has
 * looked at: their jobs are turned away unless a rule names them in so many words.
 *
 * @module
 */
import { matchesAny } from './pattern.ts'

export type Claims = Readonly<Record<string, unknown>>

/** Patterns by claim: each claim must be there, and match one of its patterns. */
export type ClaimPatterns = Readonly<Record<string, readonly string[]>>

/** A claim as text; a number or a boolean as it is written. '' where there is none, or where it is a list or a map. */
export function claimText(claims: Claims, name: string): string {
  return plain(Object.hasOwn(claims, name) ? claims[name] : undefined) ?? ''
}

/** Why these claims are not those that a rule asks for, or `undefined`. */
export function claimTrouble(wanted: ClaimPatterns, claims: Claims): string | undefined {
  const strange = mismatch(wanted, claims)
  if (strange !== undefined) return strange
  return isOfPullRequest(claims) && !namesPullRequest(wanted)
    ? 'the job belongs to a pull or merge request, and the rule names none'
    : undefined
}

/** The first claim that does not match, in words, or `undefined`. */
export function mismatch(wanted: ClaimPatterns, claims: Claims): string | undefined {
  for (const [name, patterns] of Object.entries(wanted)) {
    const texts = textsOf(claims, name)
    if (texts.length === 0) return `the job has no claim ${name}`
    if (!texts.some((text) => matchesAny(patterns, text)))
      return `the job's ${name} is ${quote(texts.join(', '))}, not ${patterns.join(' or ')}`
  }
  return undefined
}

/** GitHub says it in the event, the ref or the subject; GitLab in the pipeline's source and the ref's path. */
function isOfPullRequest(claims: Claims): boolean {
  // Of a list, too: a rule is content with one of its texts, so one of them is enough here as well.
  const says = (name: string, is: (text: string) => boolean) => textsOf(claims, name).some(is)
  return (
    says('event_name', (text) => text.startsWith('pull_request')) ||
    says('ref', (text) => /^(?:refs\/)?(?:pull|merge-requests)\//.test(text)) ||
    says('ref_path', (text) => text.startsWith('refs/merge-requests/')) ||
    says('pipeline_source', (text) => requestSources.includes(text)) ||
    says('sub', (text) => text.split(':').includes('pull_request'))
  )
}

/** A claim as texts: one, or those of a list. */
function textsOf(claims: Claims, name: string): readonly string[] {
  const value = Object.hasOwn(claims, name) ? claims[name] : undefined
  return (Array.isArray(value) ? (value as readonly unknown[]) : [value]).flatMap((one) => plain(one) ?? [])
}

/** `external_…`: a pull request at GitHub whose pipeline runs at GitLab. */
const requestSources = ['merge_request_event', 'external_pull_request_event']

/**
 * What must stand in a pattern, by claim, for it to mean pull requests: its own letters, never a star. Other claims do not
 * count: a repository may be called pull_request-bot.
 */
const requestWords: Readonly<Record<string, RegExp>> = {
  event_name: /^pull_request/,
  pipeline_source: /^(?:merge_request_event|external_pull_request_event)$/,
  ref: /^(?:refs\/)?(?:pull|merge-requests)\//,
  ref_path: /^refs\/merge-requests\//,
  sub: /(?:^|:)pull_request(?:$|:)/,
}

function namesPullRequest(wanted: ClaimPatterns): boolean {
  return Object.entries(requestWords).some(([name, words]) => wanted[name]?.some((one) => words.test(one)) === true)
}

/**
 * Claims of which one must be pinned: without them a rule is for everybody who has an account at the issuer. A workflow
 * (`job_workflow_ref`) is none of them: one that others may read can be called by every repository there is.
 */
const pins = [
  'sub',
  'repository_id',
  'repository',
  'repository_owner_id',
  'repository_owner',
  'project_id',
  'project_path',
  'namespace_id',
  'namespace_path',
  'email',
  'user_id',
]

/** Whether the patterns say whose jobs they are for: one of the claims that tell owners apart spells its owner out. */
export function pinsOwner(wanted: ClaimPatterns): boolean {
  return pins.some((name) => (wanted[name] ?? ['*']).every((one) => spellsOwner(name, one)))
}

/** Anybody may make an owner whose name begins alike: a star must not stand before the owner's end. */
function spellsOwner(name: string, pattern: string): boolean {
  const isPath = ['repository', 'project_path', 'namespace_path'].includes(name)
  const [, path] = /^(?:repo|project_path):(.*)$/.exec(name === 'sub' ? pattern : '') ?? []
  if (isPath || path !== undefined) return /^[^*/]+(?:\/|$)/.test(path ?? pattern)
  return name === 'sub' || name === 'email' ? !pattern.startsWith('*') : !pattern.includes('*')
}

/** Whether a repository is named in a way that whoever takes over a freed name would fit, too. */
export function isByNameOnly(wanted: ClaimPatterns): boolean {
  const byName = ['repository', 'repository_owner', 'project_path', 'namespace_path', 'sub', 'job_workflow_ref']
  const byId = ['repository_id', 'repository_owner_id', 'project_id', 'namespace_id']
  // GitHub's immutable subjects have the ids in them: repo:acme@12/web@34:ref:refs/heads/main.
  const isImmutable = wanted['sub']?.every((one) => /^repo:[^*/:]+@\d+\//.test(one)) === true
  return byName.some((name) => name in wanted) && !isImmutable && !byId.some((name) => name in wanted)
}

function plain(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined
}

function quote(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text)
}
