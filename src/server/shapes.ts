/**
 * What is answered, as shapes with names: the components of `/openapi.json`. The compiler holds each shape to the type
 * that the code answers with, key by key.
 *
 * @module
 */
import { z } from 'zod'
import { codes, type Place, type Problem } from '../error.ts'
import type { Cluster, Commit, RequestId } from '../release/ids.ts'
import { type Evidence, type ReleaseVerdict, type Timing, type Verdict, words } from '../release/verdict.ts'
import { verdictCodes } from '../verdict/codes.ts'
import type { ProblemJson } from './problem.ts'

/** A type as JSON has it: names are texts, and what is undefined is not there. */
type Plain<T> = T extends RequestId | Commit | Cluster
  ? string
  : T extends object
    ? { readonly [K in keyof T]?: Plain<T[K]> | undefined }
    : T
type Exact<T> = { readonly [K in keyof T]-?: z.ZodType<Plain<T[K]> | undefined> }

/** Every shape that has a name. */
export const components = z.registry<{ readonly id: string }>()

/** An object of exactly these keys. */
export function object<T>(): <S extends Exact<T>>(
  name: string,
  shape: S & Readonly<Record<Exclude<keyof S, keyof T>, never>>,
) => z.ZodObject<S> {
  return (name, shape) => named(name, z.object(shape))
}

/** Gives a shape its name. */
export function named<S extends z.ZodType>(name: string, shape: S): S {
  components.add(shape, { id: name })
  return shape
}

/** JSON of this shape. */
export const json = (shape: z.ZodType) => [{ type: 'application/json', shape }]

export const requestId = z.string().regex(/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/)
export const commit = z.string().regex(/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/)
export const time = z.string().describe('RFC 3339.')
/** What is known of a request that is a rollback. */
export const back = {
  backTo: commit.optional().describe('It is a rollback, to what this commit had.'),
  backFrom: commit.optional().describe('It undoes the image that this commit had: with another one it is refused.'),
  git: z.literal('away').optional().describe('Git did not answer: backFrom is the newest commit that was known.'),
}
const ms = z.number().describe('Milliseconds since the request was accepted.')

export const evidence = object<Evidence>()('Evidence', {
  object: z.string().describe('Kind, namespace and name of the object that says it.'),
  says: z.string(),
  at: time.optional(),
})

export const releaseVerdict = object<ReleaseVerdict>()('ReleaseVerdict', {
  release: z.string().describe('NAMESPACE/NAME, or the file of raw manifests.'),
  revision: z.int().optional(),
  verdict: z.enum(words),
  reason: z.string().describe('One sentence: why.'),
  code: z
    .string()
    .optional()
    .describe(`What is wrong. docs/verdicts.md: ${verdictCodes.join(', ')}; or a code of docs/errors.md.`),
  evidence: z.array(evidence).optional(),
  hint: z.string().optional().describe('What to do.'),
})

const place = object<Place>()('Place', {
  file: z.string(),
  line: z.int(),
  column: z.int(),
  source: z.string().optional().describe('The whole line.'),
})

const code = z.enum(codes as readonly [(typeof codes)[number]]).describe('docs/errors.md explains each.')

const oneProblem = object<Problem>()('Cause', {
  code,
  message: z.string(),
  hint: z.string().describe('What to do.'),
  at: place.optional(),
})

const timing = object<Timing>()('Timing', {
  acceptedMs: ms,
  committedMs: ms.optional(),
  pushedMs: ms.optional(),
  appliedMs: ms.optional(),
  settledMs: ms.optional(),
})

export const verdict = object<Verdict>()('Verdict', {
  id: requestId,
  cluster: z.string(),
  commit: commit.optional(),
  verdict: z.enum(words).describe('docs/verdicts.md explains each.'),
  releases: z.array(releaseVerdict),
  others: z.array(releaseVerdict).optional().describe('Broken elsewhere on the cluster; no part of the verdict.'),
  problem: oneProblem.optional().describe('Why nothing was done.'),
  supersededBy: requestId.optional(),
  timing,
})

const problem = object<ProblemJson>()('Problem', {
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string().describe('What happened.'),
  code,
  hint: z.string().describe('What to do.'),
  at: place.optional(),
  problems: z.array(oneProblem).optional().describe('All of them, where there are several.'),
  retryAfter: z.int().optional().describe('Seconds until it may work, as in the header Retry-After.'),
})

/** What goes wrong, as every route below /v1 says it. */
export const failure = {
  means: 'It was not done; `code` says why, `hint` what to do.',
  contents: [{ type: 'application/problem+json', shape: problem }],
} as const
