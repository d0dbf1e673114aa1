/**
 * `mgo access explain`: may they do that, and by which rule. It asks the settings, not the server.
 *
 * @module
 */
import { Command, Option } from '@commander-js/extra-typings'
import { type Claims, mismatch } from '../access/claims.ts'
import { verbs } from '../access/grant.ts'
import type { AccessSettings } from '../access/issuer.ts'
import { type Decision, may } from '../access/policy.ts'
import { type Principal, namePrincipal } from '../access/principal.ts'
import { tokenTrouble } from '../access/token.ts'
import { MgoError } from '../error.ts'
import { didYouMean } from '../manifest/nearest.ts'
import { parseImage } from '../release/image.ts'
import { printerOf } from './deploy.ts'
import type { Edges, SettingsView } from './edges.ts'
import { output, usage } from './options.ts'

/** Adds the command. */
export function accessCommand(edges: Edges, exit: (code: number) => void) {
  return new Command('access').description('who may do what').addCommand(explainCommand(edges, exit))
}

function explainCommand(edges: Edges, exit: (code: number) => void) {
  return new Command('explain')
    .description('may they do that, by which rule; if not, which rule comes nearest, and why it does not fit')
    .option('-c, --config <file>', 'the settings of the server (default: MGO_CONFIG)')
    .option('--as <principal>', '"token NAME" or "hook NAME"')
    .option('--claims <file>', 'a job’s identity token, or its claims as JSON')
    .addOption(new Option('--verb <verb>', 'what they want to do').choices(verbs).default('deploy' as const))
    .option('--cluster <name>', 'on which cluster (default: the whole server)')
    .option('--source <name>', 'which source')
    .option('--image <repo:tag>', 'which image')
    .option('--release <namespace/name>', 'which release')
    .option('-o, --output <text|json>', 'what stdout gets', output, 'text')
    .addHelpText('after', '\nExit: 0 allowed, 1 denied, 2 used wrongly')
    .action(async (flags) => {
      const print = printerOf(flags, edges)
      const config = flags.config ?? (edges.env['MGO_CONFIG'] || undefined)
      if (config === undefined) throw usage('there are no settings to ask', 'Name them: --config mgo.server.yaml.')
      const { access, hooks } = await edges.settings(config)
      const { principal, barred } = await somebody(flags, { access, hooks, config, edges })
      const { verb, cluster, source, release } = flags
      const wish = { verb, cluster, source, image: imageOf(flags.image), release }
      const decision =
        barred === undefined ? may(principal, wish, access.policy) : ({ kind: 'denied', barred } as const)
      if (flags.output === 'json') print.json({ principal: namePrincipal(principal), ...decision })
      else print.result(told(principal, decision))
      exit(decision.kind === 'allowed' ? 0 : 1)
    })
}

type Named = { readonly as?: string | undefined; readonly claims?: string | undefined }
type Around = Pick<SettingsView, 'access' | 'hooks'> & { readonly config: string; readonly edges: Edges }

/** `barred`: why they are turned away before any rule is asked. */
type Somebody = { readonly principal: Principal; readonly barred?: string | undefined }

async function somebody({ as, claims }: Named, { access, hooks, config, edges }: Around): Promise<Somebody> {
  if (claims !== undefined && as === undefined) return jobOf(await textOf(claims, edges), access)
  const [, kind, name = ''] = /^(token|hook) (\S+)$/.exec(as ?? '') ?? []
  if (kind === 'hook' && claims === undefined) {
    if (!Object.hasOwn(hooks, name)) throw usage(`there is no hook "${name}"`, didYouMean(name, Object.keys(hooks)))
    return { principal: { kind: 'hook', id: name } }
  }
  if (kind !== 'token' || claims !== undefined)
    throw usage('it takes one of --as and --claims', 'Write --as "token NAME", --as "hook NAME" or --claims FILE.')
  const store = await edges.tokens(config)
  try {
    const named = (await store.list()).filter((one) => one.name === name)
    const record = named.find((one) => one.revokedAt === undefined) ?? named[0]
    if (record === undefined) throw usage(`there is no token "${name}"`, '"mgo token list" shows them.')
    const trouble = tokenTrouble(record, Date.now())
    const barred =
      trouble === undefined ? undefined : `the token ${trouble === 'expired' ? 'has expired' : 'is revoked'}`
    return { principal: { kind: 'token', name, scopes: record.scopes }, barred }
  } finally {
    store.close()
  }
}

async function textOf(file: string, edges: Edges): Promise<string> {
  try {
    return await edges.readText(file)
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? String(error)
    throw usage(`the claims cannot be read from ${file} (${why})`, 'Name a file that holds them as JSON.')
  }
}

function jobOf(text: string, { issuers }: AccessSettings): Somebody {
  const claims = read(text)
  const iss = claims['iss']
  const found = issuers.find(({ issuer }) => issuer === iss)
  const known = `They are: ${issuers.map(({ issuer }) => issuer).join(', ') || 'none'}.`
  if (iss === undefined) throw usage('the claims have no iss, which says who signed them', `Add it. ${known}`)
  if (found === undefined) throw usage(`no issuer of the settings is ${JSON.stringify(iss)}`, known)
  // Claims that somebody typed need no audience; those of a token have one, and the server looks at it.
  const audience = Object.hasOwn(claims, 'aud') ? mismatch({ aud: found.audiences }, claims) : undefined
  return { principal: { kind: 'job', issuer: found.name, claims }, barred: audience ?? mismatch(found.claims, claims) }
}

/** The claims as JSON, or the whole token around them. */
function read(text: string): Claims {
  const [, middle] = /^\s*[\w-]+\.([\w-]+)\.[\w-]*\s*$/.exec(text) ?? []
  try {
    const claims = JSON.parse(middle === undefined ? text : Buffer.from(middle, 'base64url').toString()) as unknown
    if (typeof claims === 'object' && claims !== null && !Array.isArray(claims)) return claims as Claims
  } catch {
    // said below
  }
  throw usage('the claims are no JSON object', 'Give the token, or what stands between its two dots, decoded.')
}

function imageOf(text: string | undefined) {
  if (text === undefined) return undefined
  const image = parseImage(text)
  if (image.kind === 'refused') throw new MgoError(image.problem)
  return image.image
}

type Told = Decision | { readonly kind: 'denied'; readonly barred: string }

function told(principal: Principal, decision: Told): string {
  const name = namePrincipal(principal)
  if (decision.kind === 'allowed') {
    const bound = decision.releases === undefined ? '' : `; releases: ${decision.releases.join(', ')}`
    return `allowed: ${name}, by "${decision.rule}"${bound}`
  }
  if ('barred' in decision) return `denied: ${name}\n  whatever the rules say: ${decision.barred}`
  const { near } = decision
  if (near === undefined) return `denied: ${name}; there is no rule at all`
  return `denied: ${name}\n  nearest is "${near.rule}": ${near.why}`
}
