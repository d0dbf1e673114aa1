/**
 * `mgo access explain`: may they do that, and by which rule. It asks the settings, not the server.
 *
 * @module
 */
import { Command, Option } from '@commander-js/extra-typings'
import type { Claims } from '../access/claims.ts'
import { verbs } from '../access/grant.ts'
import type { AccessSettings } from '../access/issuer.ts'
import { type Decision, may } from '../access/policy.ts'
import { type Principal, namePrincipal } from '../access/principal.ts'
import { MgoError } from '../error.ts'
import { parseImage } from '../release/image.ts'
import { printerOf } from './deploy.ts'
import type { Edges } from './edges.ts'
import { output } from './options.ts'

/** Adds the command. */
export function accessCommand(edges: Edges, exit: (code: number) => void) {
  return new Command('access').description('who may do what').addCommand(explainCommand(edges, exit))
}

function explainCommand(edges: Edges, exit: (code: number) => void) {
  return new Command('explain')
    .description('may they do that, by which rule; if not, which rule comes nearest, and why it does not fit')
    .option('-c, --config <file>', 'the settings of the server (default: MGO_CONFIG)')
    .option('--as <principal>', '"token NAME" or "hook ID"')
    .option('--claims <file>', 'the claims of a job’s identity token, as JSON (what stands between its two dots)')
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
      const { access } = await edges.settings(config)
      const principal = await principalOf(flags, { access, config, edges })
      const { verb, cluster, source, release } = flags
      const decision = may(principal, { verb, cluster, source, image: imageOf(flags.image), release }, access.policy)
      if (flags.output === 'json') print.json({ principal: namePrincipal(principal), ...decision })
      else print.result(told(principal, decision))
      exit(decision.kind === 'allowed' ? 0 : 1)
    })
}

type Named = { readonly as?: string | undefined; readonly claims?: string | undefined }
type Around = { readonly access: AccessSettings; readonly config: string; readonly edges: Edges }

async function principalOf({ as, claims }: Named, { access, config, edges }: Around): Promise<Principal> {
  if (claims !== undefined && as === undefined) return jobOf(await edges.readText(claims), access)
  const [, kind, name = ''] = /^(token|hook) (\S+)$/.exec(as ?? '') ?? []
  if (kind === 'hook' && claims === undefined) return { kind: 'hook', id: name }
  if (kind !== 'token' || claims !== undefined)
    throw usage('it takes one of --as and --claims', 'Write --as "token NAME", --as "hook ID" or --claims FILE.')
  const store = await edges.tokens(config)
  try {
    const record = (await store.list()).find((one) => one.name === name && one.revokedAt === undefined)
    if (record === undefined) throw usage(`there is no token "${name}"`, '"mgo token list" shows them.')
    return { kind: 'token', name, scopes: record.scopes }
  } finally {
    store.close()
  }
}

function jobOf(text: string, { issuers }: AccessSettings): Principal {
  const claims = read(text)
  const found = issuers.find(({ issuer }) => issuer === claims['iss'])
  if (found !== undefined) return { kind: 'job', issuer: found.name, claims }
  const known = issuers.map(({ issuer }) => issuer).join(', ')
  throw usage(`no issuer of the settings is ${JSON.stringify(claims['iss'])}`, `They are: ${known || 'none'}.`)
}

function read(text: string): Claims {
  try {
    const claims = JSON.parse(text) as unknown
    if (typeof claims === 'object' && claims !== null && !Array.isArray(claims)) return claims as Claims
  } catch {
    // said below
  }
  throw usage('the claims are no JSON object', 'Give the middle part of the token, decoded.')
}

function imageOf(text: string | undefined) {
  if (text === undefined) return undefined
  const image = parseImage(text)
  if (image.kind === 'refused') throw new MgoError(image.problem)
  return image.image
}

function told(principal: Principal, decision: Decision): string {
  if (decision.kind === 'allowed') {
    const bound = decision.releases === undefined ? '' : `; releases: ${decision.releases.join(', ')}`
    return `allowed: ${namePrincipal(principal)}, by "${decision.rule}"${bound}`
  }
  const { near } = decision
  if (near === undefined) return `denied: ${namePrincipal(principal)}; there is no rule at all`
  return `denied: ${namePrincipal(principal)}\n  nearest is "${near.rule}": ${near.why}`
}

function usage(message: string, hint: string): MgoError {
  return new MgoError({ code: 'USAGE', message, hint })
}
