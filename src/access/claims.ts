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
    const value = Object.hasOwn(claims, name) ? claims[name] : undefined
    const texts = (Array.isArray(value) ? (value as readonly unknown[]) : [value]).flatMap((one) => plain(one) ?? [])
    if (texts.length === 0) return `the job has no claim ${name}`
    if (!texts.some((text) => matchesAny(patterns, text)))
      return `the job's ${name} is ${quote(texts.join(', '))}, not ${patterns.join(' or ')}`
  }
  return undefined
}

/** GitHub says it in the event, the ref or the subject; GitLab in the pipeline's source and the ref's path. */
function isOfPullRequest(claims: Claims): boolean {
  return (
    claimText(claims, 'event_name').startsWith('pull_request') ||
    /^(?:refs\/)?(?:pull|merge-requests)\//.test(claimText(claims, 'ref')) ||
    claimText(claims, 'ref_path').startsWith('refs/merge-requests/') ||
    claimText(claims, 'pipeline_source') === 'merge_request_event' ||
    claimText(claims, 'sub').split(':').includes('pull_request')
  )
}

/** A star never means a pull request by accident: the pattern's own letters must say it. */
function namesPullRequest(wanted: ClaimPatterns): boolean {
  const words = /pull_request|refs\/pull\/|merge_request_event|refs\/merge-requests\//
  return Object.values(wanted).some((patterns) => patterns.some((one) => words.test(one)))
}

/** Claims of which one must be pinned: without them a rule is for everybody who has an account at the issuer. */
const pins = [
  'sub',
  'repository_id',
  'repository',
  'repository_owner_id',
  'repository_owner',
  'job_workflow_ref',
  'project_id',
  'project_path',
  'namespace_id',
  'namespace_path',
  'email',
  'user_id',
]

/** Whether the patterns say whose jobs they are for: one of the claims that tell owners apart begins with an owner's own letters. */
export function pinsOwner(wanted: ClaimPatterns): boolean {
  return pins.some((name) => (wanted[name] ?? ['*']).every((one) => !/^(?:repo:|project_path:)?\*/.test(one)))
}

/** Whether a repository is named in a way that whoever takes over a freed name would fit, too. */
export function isByNameOnly(wanted: ClaimPatterns): boolean {
  const byName = ['repository', 'repository_owner', 'project_path', 'namespace_path', 'sub', 'job_workflow_ref']
  const byId = ['repository_id', 'repository_owner_id', 'project_id', 'namespace_id']
  return byName.some((name) => name in wanted) && !byId.some((name) => name in wanted)
}

function plain(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined
}

function quote(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text)
}
