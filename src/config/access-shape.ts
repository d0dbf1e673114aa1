/**
 * The shape of `identities` and `policy` in mgo.server.yaml.
 *
 * @module
 */
import { z } from 'zod'
import { type ClaimPatterns, pinsOwner } from '../access/claims.ts'
import { verbs } from '../access/grant.ts'
import { algorithms } from '../access/issuer.ts'
import type { Rule, Who } from '../access/policy.ts'
import { gap } from '../access/scope.ts'
import { claimPatterns, path, patterns, text } from './words.ts'

/** https, or loopback for trials; nothing in it that is not an address. */
const issuerUrl = text.refine(isIssuerUrl, { error: 'it must be an https:// address without a query' })

const issuerShape = z.strictObject({
  issuer: issuerUrl.describe('The iss claim, letter by letter: https://token.actions.githubusercontent.com.'),
  audience: patterns.optional().describe('The aud claim, letter by letter; default: url.'),
  algorithms: z.array(z.enum(algorithms)).min(1).default(['RS256', 'ES256']).describe('How tokens may be signed.'),
  jwks: issuerUrl.optional().describe('Where its keys are, when they are not on the issuer’s own host.'),
  claims: claimPatterns.default({}).describe('What every token of it must say, whatever the rule.'),
  leeway: z.int().min(0).max(300).default(30).describe('How far its clock may be off, in seconds.'),
  maxAge: z.int().min(60).max(86_400).default(21_600).describe('Older tokens are refused whatever they say; seconds.'),
})

export const identitiesShape = z.strictObject({
  tokens: z
    .union([z.literal(true), path], { error: 'it must be true or a path' })
    .optional()
    .describe('Take static tokens, from this file; true: tokens.sqlite in the state folder. See mgo token.'),
  issuers: z
    .record(text, issuerShape)
    .default({})
    .describe('Whose identity tokens are taken, by a name for the rules.'),
})

const whoShape = z
  .strictObject({
    token: text.optional().describe('The name of a token without scopes; a pattern.'),
    hook: text.optional().describe('The id of a hook; a pattern.'),
    issuer: text.optional().describe('The name of an issuer; claims say which of its jobs.'),
    claims: claimPatterns.optional().describe('Patterns by claim; all must match.'),
  })
  .transform((who, context): Who => {
    const { token, hook, issuer, claims = {} } = who
    const wrong = whoProblem(who)
    if (wrong !== undefined) context.issues.push({ code: 'custom', message: wrong, input: who })
    if (token !== undefined) return { token }
    return hook === undefined ? { issuer: issuer ?? '', claims } : { hook }
  })

const ruleShape = z
  .strictObject({
    name: text.describe('What audit and answers call the rule.'),
    who: whoShape.describe('Whom it is for: one of token, hook, issuer.'),
    may: z.array(z.enum(verbs)).min(1).describe('What it allows; admin holds the others.'),
    clusters: patterns.describe('Clusters, as patterns: * within a part, ** anything.'),
    sources: patterns.optional().describe('Sources, as patterns. Needed for deploy, rollback, admin.'),
    images: patterns.optional().describe('Images: REPOSITORY or REPOSITORY:TAG, as patterns. Needed likewise.'),
    releases: patterns.optional().describe('Releases: NAMESPACE/NAME, as patterns; default: all of the source’s.'),
  })
  .transform((rule, context): Rule => {
    const wrong = gap(rule)
    if (wrong !== undefined) context.issues.push({ code: 'custom', message: wrong, input: rule })
    return rule
  })

export const policyShape = z.array(ruleShape)

type WhoFields = {
  readonly token?: string | undefined
  readonly hook?: string | undefined
  readonly issuer?: string | undefined
  readonly claims?: ClaimPatterns | undefined
}

function whoProblem({ token, hook, issuer, claims = {} }: WhoFields): string | undefined {
  if ([token, hook, issuer].filter((one) => one !== undefined).length !== 1)
    return 'it must name one of token, hook and issuer'
  if (issuer === undefined) return Object.keys(claims).length === 0 ? undefined : 'claims go with an issuer only'
  if (pinsOwner(claims)) return undefined
  return 'it is for everybody at the issuer: name whose jobs, by repository_id, project_id or sub, the owner without a star'
}

function isIssuerUrl(value: string): boolean {
  if (!URL.canParse(value)) return false
  const { protocol, hostname, username, password, search, hash } = new URL(value)
  const isLoopback = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(hostname)
  return (protocol === 'https:' || (protocol === 'http:' && isLoopback)) && username + password + search + hash === ''
}
