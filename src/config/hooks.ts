/**
 * The section `hooks` → hooks: what is wrong with it whatever the secrets are, and the hooks once there are secrets.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import type { Problem } from '../error.ts'
import type { Hook, HookImage, HookIssuer, Vendor } from '../request/hook.ts'
import type { TagPolicy } from '../request/hook-tags.ts'
import { vendorOf } from '../request/hook-vendors.ts'
import type { HookSettings } from './hook-settings.ts'

type Hooks = Readonly<Record<string, HookSettings>>
type Secretive = {
  readonly hooks: Hooks
  readonly registries: Readonly<Record<string, { readonly passwordEnv?: string | undefined }>>
}

/** The variables that hold secrets: of hooks, and of logins of registries. */
export function secretVariables({ hooks, registries }: Secretive): readonly string[] {
  const ofHooks = Object.values(hooks).flatMap(({ idEnv, secretEnv = [] }) => [...idEnv, ...secretEnv])
  return [...ofHooks, ...Object.values(registries).flatMap(({ passwordEnv }) => passwordEnv ?? [])]
}

/** What is wrong with one hook, and the next step. */
export type HookTrouble = { readonly hook: string; readonly message: string; readonly hint: string }

/** What is wrong with the settings by themselves. */
export function hookTroubles(hooks: Hooks): readonly HookTrouble[] {
  return Object.entries(hooks).flatMap(([hook, settings]) => {
    const vendor = vendorOf(settings.vendor)
    const unproven = vendor === undefined ? undefined : proofTrouble(settings, vendor)
    return [...(unproven === undefined ? [] : [unproven]), ...unjudged(settings)].map(([message, hint]) => ({
      hook,
      message: `the hook ${hook} ${message}`,
      hint,
    }))
  })
}

type Trouble = readonly [message: string, hint: string]

/** A hook must be able to prove what its vendor can prove. */
function proofTrouble({ secretEnv, oidc }: HookSettings, { name, title, proofs }: Vendor): Trouble | undefined {
  const kinds = proofs.map(({ kind }) => (kind === 'path' || kind === 'oidc' ? kind : 'secret'))
  if (secretEnv !== undefined && !kinds.includes('secret'))
    return [`names a secret, and ${title} sends none`, 'Leave secretEnv out.']
  if (oidc !== undefined && !kinds.includes('oidc'))
    return [`takes tokens, and ${title} sends none`, 'Leave oidc out, and name secretEnv.']
  if (oidc !== undefined && name === 'gar' && oidc.email === undefined)
    return ['takes the token of anybody at Google', 'Write oidc.email: the service account that Pub/Sub signs as.']
  if (oidc !== undefined && name !== 'gar' && oidc.issuer === undefined)
    return ['does not say whose tokens it takes', 'Write oidc.issuer: https://…']
  if (secretEnv !== undefined || oidc !== undefined || kinds.includes('path')) return undefined
  const needs = kinds.includes('secret') ? 'secretEnv' : 'oidc'
  return [`has no ${needs}`, `Write ${needs}: see docs/webhooks.md, ${title}.`]
}

function unjudged({ images, tags: common }: HookSettings): readonly Trouble[] {
  const bare = images.filter((one) => one.tags === undefined && common === undefined)
  return bare.map(({ repository }) => [
    `does not say which tags of ${repository} are deploys`,
    'Write tags: any if every pushed tag is one.',
  ])
}

/** The value of an environment variable, or of the file that NAME_FILE names. */
export type Secret = (variable: string) => string | undefined

export type ResolvedHooks =
  | { readonly kind: 'ok'; readonly hooks: readonly Hook[] }
  | { readonly kind: 'refused'; readonly problems: readonly Problem[] }

/** Fills in the secrets, and says everything that is missing at once. Throws what `secret` does. */
export function resolveHooks(settings: Hooks, secret: Secret): ResolvedHooks {
  const problems: Problem[] = []
  const hooks = Object.entries(settings).map(([name, one]) => hookOf(name, one, { secret, problems }))
  const ids = hooks.flatMap((one) => one.ids)
  if (new Set(ids).size < ids.length)
    problems.push(wrong('two hooks have the same id', 'Give each hook an id of its own.'))
  return problems.length > 0 ? { kind: 'refused', problems } : { kind: 'ok', hooks }
}

const howTo = 'Make one with: openssl rand -hex 24'

function hookOf(
  name: string,
  settings: HookSettings,
  { secret, problems }: { readonly secret: Secret; readonly problems: Problem[] },
): Hook {
  const read = (variable: string): readonly string[] => {
    const value = secret(variable)
    if (value !== undefined && value !== '') return [value]
    problems.push(wrong(`the hook ${name} has no ${variable}`, `Set ${variable}, or ${variable}_FILE. ${howTo}`))
    return []
  }
  const ids = settings.idEnv.flatMap(read)
  const secrets = (settings.secretEnv ?? []).flatMap(read)
  if (!ids.every((id) => /^[A-Za-z0-9_-]{20,100}$/.test(id)))
    problems.push(wrong(`the id of the hook ${name} can be guessed, or cannot be part of an address`, howTo))
  if (!secrets.every((one) => one.length >= 16))
    problems.push(wrong(`the secret of the hook ${name} is shorter than 16 characters`, howTo))
  return {
    name,
    vendor: settings.vendor,
    ids: ids.map((id) => createHash('sha256').update(id).digest('hex')),
    secrets,
    oidc: issuerOf(settings),
    registry: settings.registry,
    images: settings.images.map((one) => imageOf(one, settings.tags)),
  }
}

const google = 'https://accounts.google.com'

function issuerOf({ oidc }: HookSettings): HookIssuer | undefined {
  if (oidc === undefined) return undefined
  const { issuer = google, audience, email } = oidc
  return { issuer, audience, ...(email === undefined ? {} : { email }) }
}

function imageOf(settings: HookSettings['images'][number], common: TagPolicy | undefined): HookImage {
  const { repository, image = repository, source, clusters, tags = common, resolve } = settings
  return { repository, image, source, clusters, tags: tags ?? { kind: 'any' }, resolve }
}

function wrong(message: string, hint: string): Problem {
  return { code: 'CONFIG_INVALID', message, hint }
}
