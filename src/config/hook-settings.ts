/**
 * The sections `hooks`, `registries` and `follow` of the server's settings: their shape, and the hooks that they make.
 * Secrets are named, never written: `…Env` is an environment variable, or the file that `NAME_FILE` names.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Problem } from '../error.ts'
import { parseDuration } from '../manifest/header.ts'
import { type Cluster, parseCluster } from '../release/ids.ts'
import { isRepository } from '../release/image.ts'
import type { Hook, HookImage, HookIssuer, Vendor } from '../request/hook.ts'
import { policyProblem, type TagPolicy } from '../request/hook-tags.ts'
import { vendorOf, vendors } from '../request/hook-vendors.ts'

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

/** The value of an environment variable, or of the file that NAME_FILE names. */
export type Secret = (variable: string) => string | undefined

export type ResolvedHooks =
  | { readonly kind: 'ok'; readonly hooks: readonly Hook[] }
  | { readonly kind: 'refused'; readonly problems: readonly Problem[] }

/** Fills in the secrets of `hooks:`, and says everything that is missing at once. */
export function resolveHooks(settings: Readonly<Record<string, HookSettings>>, secret: Secret): ResolvedHooks {
  const problems: Problem[] = []
  const hooks = Object.entries(settings).map(([key, one]) => hookOf(key, one, { secret, problems }))
  const ids = hooks.flatMap((one) => one.ids)
  if (new Set(ids).size < ids.length)
    problems.push(wrong('hooks', 'two of them have the same id', 'Give each hook an id of its own.'))
  return problems.length > 0 ? { kind: 'refused', problems } : { kind: 'ok', hooks }
}

type Resolving = { readonly secret: Secret; readonly problems: Problem[] }

function hookOf(key: string, settings: HookSettings, { secret, problems }: Resolving): Hook {
  const where = `hooks.${key}`
  const read = (variable: string): readonly string[] => {
    const value = secret(variable)
    if (value !== undefined && value !== '') return [value]
    problems.push(wrong(where, `the environment has no ${variable}`, `Set ${variable}, or ${variable}_FILE.`))
    return []
  }
  const ids = settings.idEnv.flatMap(read)
  for (const id of ids)
    if (!/^[A-Za-z0-9_-]{20,100}$/.test(id))
      problems.push(wrong(where, 'its id can be guessed, or cannot be part of an address', idHint))
  const secrets = (settings.secretEnv ?? []).flatMap(read)
  for (const one of secrets)
    if (one.length < 16) problems.push(wrong(where, 'its secret is shorter than 16 characters', idHint))
  const vendor = vendorOf(settings.vendor)
  if (vendor !== undefined) problems.push(...unproven(where, settings, vendor))
  problems.push(...unjudged(where, settings))
  return {
    name: key,
    vendor: settings.vendor,
    ids: ids.map((id) => createHash('sha256').update(id).digest('hex')),
    secrets,
    oidc: issuerOf(settings),
    registry: settings.registry,
    images: settings.images.map((one) => imageOf(one, settings.tags)),
  }
}

const idHint = 'Make one with: openssl rand -hex 24'

/** A hook must be able to prove what its vendor can prove. */
function unproven(where: string, { secretEnv, oidc }: HookSettings, vendor: Vendor): readonly Problem[] {
  const takes = (kind: 'secret' | 'oidc' | 'path'): boolean =>
    vendor.proofs.some((proof) =>
      proof.kind === 'path' || proof.kind === 'oidc' ? proof.kind === kind : kind === 'secret',
    )
  if (secretEnv !== undefined && !takes('secret'))
    return [wrong(where, `${vendor.title} sends no secret`, 'Leave secretEnv out; the id is the secret.')]
  if (oidc !== undefined && !takes('oidc'))
    return [wrong(where, `${vendor.title} sends no tokens of an issuer`, 'Leave oidc out, and name secretEnv.')]
  if (oidc !== undefined && vendor.name === 'gar' && oidc.email === undefined)
    return [wrong(where, 'oidc names no email', 'Name the service account that Pub/Sub signs as.')]
  if (oidc !== undefined && vendor.name !== 'gar' && oidc.issuer === undefined)
    return [wrong(where, 'oidc names no issuer', 'Name the issuer: https://…')]
  if (secretEnv !== undefined || oidc !== undefined || takes('path')) return []
  const needs = takes('secret') ? 'secretEnv' : 'oidc'
  return [wrong(where, `it has no ${needs}`, `Name ${needs}: see docs/webhooks.md, ${vendor.title}.`)]
}

function unjudged(where: string, { images, tags: common }: HookSettings): readonly Problem[] {
  return images
    .filter((one) => one.tags === undefined && common === undefined)
    .map((one) =>
      wrong(where, `${one.repository} has no policy for tags`, 'Write tags: any if every pushed tag is a deploy.'),
    )
}

const google = 'https://accounts.google.com'

function issuerOf({ oidc, vendor }: HookSettings): HookIssuer | undefined {
  if (oidc === undefined) return undefined
  const { issuer, audience, email } = oidc
  return { issuer: issuer ?? (vendor === 'gar' ? google : ''), audience, ...(email === undefined ? {} : { email }) }
}

function imageOf(settings: HookSettings['images'][number], common: TagPolicy | undefined): HookImage {
  const { repository: pushed, image: pulled, source, clusters, tags: own, resolve } = settings
  return {
    repository: pushed,
    image: pulled ?? pushed,
    source,
    clusters,
    tags: own ?? common ?? { kind: 'any' },
    resolve,
  }
}

function wrong(where: string, message: string, hint: string): Problem {
  return { code: 'CONFIG_INVALID', message: `${where}: ${message}`, hint }
}
