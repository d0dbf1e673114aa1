/**
 * The shape of the sections `hooks`, `registries` and `follow` of the server's settings. Secrets are named, never written: `…Env` is an environment variable, or the file that `NAME_FILE` names.
 *
 * @module
 */
import { z } from 'zod'
import { parseDuration } from '../manifest/header.ts'
import { type Cluster, parseCluster } from '../release/ids.ts'
import { isRepository } from '../release/image.ts'
import { policyProblem, type TagPolicy } from '../request/hook-tags.ts'
import { vendors } from '../request/hook-vendors.ts'

const name = z.string().regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, 'use lower-case letters, digits and dashes')
const variable = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'name an environment variable')
/** Two are valid at once while one replaces the other. */
const variables = z.union([variable.transform((one) => [one]), z.array(variable).min(1).max(2)])
const host = z.string().regex(/^[A-Za-z0-9.[\]:-]{1,255}$/, 'name a host, with its port where it has one')
const repository = z.string().refine(isRepository, 'this is no valid repository')
const cluster = z.string().transform((text, context): Cluster => {
  const found = parseCluster(text)
  if (found === undefined) context.addIssue({ code: 'custom', message: 'this is no name of a cluster' })
  return found ?? ('' as Cluster)
})

const tags = z
  .union([
    z.literal('any').transform((): TagPolicy => ({ kind: 'any' })),
    z
      .strictObject({ semver: z.string(), prereleases: z.boolean().default(false) })
      .transform((one): TagPolicy => ({ kind: 'semver', range: one.semver, prereleases: one.prereleases })),
    z.strictObject({ match: z.string() }).transform((one): TagPolicy => ({ kind: 'match', pattern: one.match })),
    z.strictObject({ newest: z.string() }).transform((one): TagPolicy => ({ kind: 'newest', pattern: one.newest })),
  ])
  .superRefine((policy, context) => {
    const problem = policyProblem(policy)
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem })
  })
  .describe('Which tags are deploys: any, { semver: RANGE }, { match: PATTERN } or { newest: PATTERN }.')

const image = z.strictObject({
  repository: repository.describe('The repository as it is pushed, with its registry’s host.'),
  image: repository.optional().describe('The repository as the cluster pulls it, where that is another name.'),
  source: z.string().min(1).max(255).describe('The source, as the headers of the values files name it.'),
  clusters: z.array(cluster).min(1),
  tags: tags.optional(),
  resolve: z.boolean().default(false).describe('Ask the registry for the tag’s digest, and deploy exactly that.'),
})

const hook = z.strictObject({
  vendor: z.enum(vendors.map((one) => one.name)),
  idEnv: variables.describe('The last part of the address: a secret of at least 20 letters, digits, - and _.'),
  secretEnv: variables.optional().describe('What the vendor signs with, or sends in a header.'),
  oidc: z
    .strictObject({ issuer: z.url().optional(), audience: z.string().min(1), email: z.string().min(3).optional() })
    .optional()
    .describe('Whose signed tokens are taken instead of a secret.'),
  registry: host.optional().describe('The registry’s host, where the payload names none, or an inner one.'),
  tags: tags.optional().describe('For all images that have no policy of their own.'),
  images: z.array(image).max(500).default([]),
})

/** `hooks:` of the server's settings. */
export const hooksSchema = z.record(name, hook).default({})

/** `registries:` of the server's settings: by host. */
export const registriesSchema = z
  .record(
    host,
    z.strictObject({
      username: z.string().min(1).optional(),
      passwordEnv: variable.optional(),
      auth: host.optional().describe('Another host that may be given these credentials for a token.'),
      plain: z.boolean().default(false).describe('Without TLS.'),
    }),
  )
  .default({})

/** `follow:` of the server's settings: whose clusters are brought to the branch when it moves. */
export const followSchema = z
  .strictObject({
    clusters: z.array(cluster).min(1),
    every: z
      .string()
      .default('1m')
      .transform((text, context) => {
        const ms = parseDuration(text)
        if (ms === undefined || ms < 10_000)
          context.addIssue({ code: 'custom', message: 'write a time of at least 10s, such as 1m' })
        return ms ?? 60_000
      })
      .describe('How often the branch is looked at.'),
  })
  .optional()

export type HookSettings = z.output<typeof hook>
export type Follow = NonNullable<z.output<typeof followSchema>>
