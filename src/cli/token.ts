/**
 * `mgo token`: static tokens, for callers who have no identity of their own. Works on the server's machine, whether the
 * server runs or not.
 *
 * @module
 */
import { Command, InvalidArgumentError } from '@commander-js/extra-typings'
import type { Grant } from '../access/grant.ts'
import { parseScope, printScope } from '../access/scope.ts'
import { type TokenRecord, type TokenStore, isTokenName, tokenTrouble } from '../access/token.ts'
import { parseAuthor } from '../request/author.ts'
import { printerOf } from './deploy.ts'
import type { Edges } from './edges.ts'
import { output, usage } from './options.ts'

const dayMs = 24 * 60 * 60 * 1000

/** Adds the command. */
export function tokenCommand(edges: Edges, exit: (code: number) => void) {
  return new Command('token')
    .description('static tokens, for callers without an identity of their own')
    .addCommand(createCommand(edges))
    .addCommand(listCommand(edges))
    .addCommand(revokeCommand(edges, exit))
}

function base(name: string, summary: string) {
  return new Command(name)
    .description(summary)
    .option('-c, --config <file>', 'the settings of the server (default: MGO_CONFIG, else its state folder)')
    .option('-o, --output <text|json>', 'what stdout gets', output, 'text')
}

function createCommand(edges: Edges) {
  return base('create', 'make a token and print it, this once')
    .requiredOption('--name <name>', 'what rules, commits and audit call it')
    .option('--scope <scope>', 'what it may do; may be given several times', scopes)
    .requiredOption('--expires <time>', 'how long it counts: 90d, 12h; a year at most', lifetime)
    .option('--author <who>', 'whom its commits are by: "Ada <ada@example.com>" (default: its name)', author)
    .addHelpText(
      'after',
      '\nA scope: VERBS cluster=… source=… image=… release=…; lists have commas,' +
        '\n* stands for a part, ** for anything:' +
        '\n  --scope "deploy,read cluster=my-prod source=github.com/acme/* image=**"' +
        '\nWithout a scope the rules of the policy say what it may do.',
    )
    .action(async ({ name, scope, expires, author: who, config, ...flags }) => {
      if (!isTokenName(name)) throw usage(`"${name}" is no name for a token`, 'Use letters, digits, dots and dashes.')
      const now = Date.now()
      const expiresAt = now + expires
      const text = await opened(edges, config, (store) =>
        store.create({ name, scopes: scope ?? [], author: who, createdAt: now, expiresAt }, edges.user()),
      )
      if (text === undefined) throw usage(`there is a token "${name}"`, 'Revoke it first, or take another name.')
      const print = printerOf(flags, edges)
      if (flags.output === 'json') return print.json({ name, token: text, expiresAt: day(expiresAt) })
      print.note(`The token "${name}" counts until ${day(expiresAt)}. It is shown this once:`)
      print.result(text)
    })
}

function listCommand(edges: Edges) {
  return base('list', 'the tokens there are, with what they may do and when they were last used').action(
    async ({ config, ...flags }) => {
      const records = await opened(edges, config, (store) => store.list())
      const print = printerOf(flags, edges)
      const shown = records.map((one) => row(one, Date.now()))
      if (flags.output === 'json') print.json(shown)
      else print.result(shown.length === 0 ? 'There is no token yet.' : shown.map(line).join('\n'))
    },
  )
}

function revokeCommand(edges: Edges, exit: (code: number) => void) {
  return base('revoke', 'make a token count no more, at once')
    .argument('<name>')
    .action(async (name, { config, ...flags }) => {
      const done = await opened(edges, config, (store) => store.revoke(name, Date.now(), edges.user()))
      if (!done) throw usage(`there is no token "${name}" that counts`, '"mgo token list" shows them.')
      printerOf(flags, edges).result(`revoked: ${name}`)
      exit(0)
    })
}

async function opened<T>(edges: Edges, config: string | undefined, use: (store: TokenStore) => Promise<T>): Promise<T> {
  const store = await edges.tokens(config ?? (edges.env['MGO_CONFIG'] || undefined))
  try {
    return await use(store)
  } finally {
    store.close()
  }
}

function row(record: TokenRecord, now: number) {
  const { id, name, scopes: grants, author: who, createdAt, expiresAt, lastUsedAt } = record
  return {
    id,
    name,
    state: tokenTrouble(record, now) ?? 'counts',
    scopes: grants.map(printScope),
    ...(who === undefined ? {} : { author: who }),
    created: day(createdAt),
    expires: day(expiresAt),
    lastUsed: lastUsedAt === undefined ? undefined : new Date(lastUsedAt).toISOString(),
  }
}

function line({ id, name, state, scopes: grants, expires, lastUsed }: ReturnType<typeof row>): string {
  const rights = grants.length === 0 ? '(what the policy says)' : grants.join('; ')
  return `${name}  ${id}  ${state}  until ${expires}  last used ${lastUsed ?? 'never'}  ${rights}`
}

/** To the minute, UTC. */
function day(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16)}Z`
}

function scopes(text: string, before: readonly Grant[] | undefined): readonly Grant[] {
  const read = parseScope(text)
  if (read.kind === 'refused') throw new InvalidArgumentError(`${read.why}.`)
  return [...(before ?? []), read.grant]
}

function lifetime(text: string): number {
  const [, count = '', unit] = /^(\d{1,4})([dh])$/.exec(text) ?? []
  const ms = Number(count) * (unit === 'd' ? dayMs : dayMs / 24)
  if (ms <= 0 || ms > 366 * dayMs) throw new InvalidArgumentError('Write 90d or 12h; a year at most.')
  return ms
}

function author(text: string): string {
  const read = parseAuthor(text)
  if (read.kind === 'refused') throw new InvalidArgumentError(`${read.problem.message}. ${read.problem.hint}`)
  return text
}
