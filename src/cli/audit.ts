/**
 * `mgo audit`: who asked for what, and what came of it; from a journal that no server has open, or from a server.
 *
 * @module
 */
import { MgoError } from '../error.ts'
import { parseDuration } from '../manifest/header.ts'
import { auditChooser, type AuditEntry, type Chained } from '../release/audit.ts'
import { Command, InvalidArgumentError } from '@commander-js/extra-typings'
import { printerOf } from './deploy.ts'
import type { Edges, Trail } from './edges.ts'
import { output, usage } from './options.ts'
import type { Print } from './print.ts'
import { askServer, reachOf } from './remote.ts'

/** Adds the command. */
export function auditCommand(edges: Edges, exit: (code: number) => void) {
  return new Command('audit')
    .description('who asked for what, verified how, allowed by which rule, and what came of it')
    .option('--journal <file>', 'a journal that no server has open (default: that of the settings)')
    .option('-c, --config <file>', 'the settings of the server (default: MGO_CONFIG, else its state folder)')
    .option('--server <url>', 'ask a mgo server instead (MGO_SERVER)')
    .option('--token <token>', 'token for the server; better in MGO_TOKEN')
    .option('--since <time>', 'the last 24h, 30m …, or since 2026-11-23T10:00:00Z', since)
    .option('--principal <name>', 'only what this one asked: "token ci-web"')
    .option('--cluster <name>', 'only this cluster')
    .option('--verify', 'follow the chain from its first entry and say whether it is whole')
    .option('--head <number:hash>', 'with --verify: this entry, noted earlier, must still be there')
    .option('--debug', 'print every event as JSON')
    .option('-o, --output <text|json>', 'json: one entry a line, as the chain has it', output, 'text')
    .allowExcessArguments(false)
    .addHelpText('after', '\nExit: 0, 1 --verify found it changed, 2 used wrongly, 5 no journal to read')
    .action(async (flags) => {
      const print = printerOf(flags, edges)
      if (flags.head !== undefined && flags.verify !== true)
        throw usage('--head says what --verify is to find', 'Write --verify --head NUMBER:HASH.')
      const trail = await trailOf(flags, edges)
      try {
        if (flags.verify === true) return exit(await verify(trail, { head: headOf(flags.head), edges, print }))
        const wants = auditChooser(flags)
        const fromMs = flags.since === undefined ? 0 : flags.since(Date.now())
        for await (const page of pages(trail))
          for (const one of page) {
            const entry = entryOf(one)
            if (wants(entry) && one.at >= fromMs) print.result(flags.output === 'json' ? line(one) : shown(one, entry))
          }
        exit(0)
      } finally {
        trail.close()
      }
    })
}

type Asked = {
  readonly journal?: string
  readonly config?: string
  readonly server?: string
  readonly token?: string
}

async function trailOf({ journal, config, server, token }: Asked, edges: Edges): Promise<Trail> {
  const isHere = journal !== undefined || config !== undefined
  const url = server ?? (isHere ? '' : (edges.env['MGO_SERVER'] ?? ''))
  if (url === '') return edges.openTrail(journal ?? (await journalOf(config ?? edges.env['MGO_CONFIG'], edges)))
  const options = reachOf({ server: url, token }, edges)
  return {
    page: async (after) => {
      const { entries } = await askServer<{ readonly entries: readonly Chained[] }>(`/v1/audit?after=${after}`, options)
      return entries
    },
    unwritten: async () => [],
    close: () => undefined,
  }
}

async function journalOf(config: string | undefined, edges: Edges): Promise<string | undefined> {
  return config === undefined || config === '' ? undefined : (await edges.settings(config)).journal
}

/** All pages, the oldest first. */
async function* pages(trail: Trail): AsyncGenerator<readonly Chained[]> {
  for (let after = 0; ; ) {
    const page = await trail.page(after)
    const last = page.at(-1)
    if (last === undefined) return
    yield page
    after = last.n
  }
}

type Head = { readonly n: number; readonly hash: string }
type Verifying = { readonly head: Head | undefined; readonly edges: Edges; readonly print: Print }

/** Gives the exit code. */
async function verify(trail: Trail, { head, edges, print }: Verifying): Promise<number> {
  const follow = edges.verifier()
  let found = follow([])
  let isThere = head === undefined
  for await (const page of pages(trail)) {
    found = follow(page)
    isThere ||= page.some((one) => one.n === head?.n && one.hash === head.hash)
    if (found.kind === 'broken') break
  }
  if (found.kind === 'broken') {
    print.result(`broken: entry ${found.n}: ${found.why}`)
    return 1
  }
  if (!isThere) {
    print.result(`broken: entry ${head?.n ?? 0} is not what it was when its hash was noted`)
    return 1
  }
  const missing = await trail.unwritten()
  if (missing.length > 0) {
    print.result(
      `broken: the journal has requests that the trail does not know to their end, such as ${missing.join(', ')}`,
    )
    return 1
  }
  print.result(`whole: ${found.entries} entries\nhead ${found.entries}:${found.head}`)
  return 0
}

/** Nothing of mgo writes what is no JSON: somebody else did. */
function entryOf({ n, entry }: Chained): AuditEntry {
  try {
    return JSON.parse(entry) as AuditEntry
  } catch {
    throw new MgoError({
      code: 'JOURNAL_FAILED',
      message: `entry ${n} of the audit trail was changed: it cannot be read`,
      hint: 'mgo audit --verify says how far the trail is whole; a backup may have the rest.',
    })
  }
}

/** The entry as the chain has it: its bytes are what the hash covers. */
function line({ n, at, entry, hash }: Chained): string {
  return `{"n":${n},"at":${at},"hash":"${hash}","entry":${entry}}`
}

function shown({ at }: Chained, entry: AuditEntry): string {
  const when = `${new Date(at).toISOString()} ${entry.kind.padEnd(7)}`
  switch (entry.kind) {
    case 'asked': {
      const { id, image, cluster, author, principal, rule, claimedAuthor } = entry
      const who = principal === undefined ? author : `${principal}, author ${author}`
      const by = rule === undefined ? '' : `, by rule ${rule}`
      const claim = claimedAuthor === undefined ? '' : `, claimed to be ${claimedAuthor}`
      return `${when} ${id} ${image} to ${cluster}${backOf(entry)}: ${who}${by}${claim}`
    }
    case 'ended': {
      const { id, cluster, verdict, commit, code } = entry
      return `${when} ${id} ${verdict}${code === undefined ? '' : ` (${code})`} on ${cluster}${commit === undefined ? '' : ` at ${commit.slice(0, 12)}`}`
    }
    case 'token': {
      const { what, token, name, by = 'somebody', expires, scopes } = entry
      const rights = scopes.length === 0 ? 'what the policy says' : scopes.join('; ')
      const more = what === 'created' ? `, until ${expires}: ${rights}` : ''
      return `${when} ${name} (${token}) ${what} by ${by} at ${entry.when}${more}`
    }
    case 'settings':
      return `${when} ${entry.how}: the policy ${entry.policy.slice(0, 12)} with ${entry.rules} rules, of the file ${entry.file.slice(0, 12)}`
    case 'push': {
      const { id, image, cluster, principal, outcome, code, by } = entry
      const more = code === undefined ? (by === undefined ? '' : ` by ${by}`) : ` (${code})`
      return `${when} ${id} ${image} to ${cluster}: ${principal}, ${outcome}${more}`
    }
    case 'denied':
      return `${when} ${entry.principal}: ${[entry.verb, entry.source, entry.image, entry.cluster].filter(Boolean).join(' ')}`
  }
}

function backOf({ backTo, backFrom, git }: Extract<AuditEntry, { readonly kind: 'asked' }>): string {
  if (backTo === undefined) return ''
  const from = backFrom === undefined ? '' : ` from ${backFrom.slice(0, 12)}`
  return `, back to ${backTo.slice(0, 12)}${from}${git === undefined ? '' : ' (git was away)'}`
}

/** Milliseconds since the epoch, once the time now is known. */
function since(text: string): (now: number) => number {
  const ms = parseDuration(text)
  if (ms !== undefined) return (now) => now - ms
  const at = Date.parse(text)
  if (Number.isNaN(at)) throw new InvalidArgumentError('Write 24h, or 2026-11-23T10:00:00Z.')
  return () => at
}

function headOf(text: string | undefined): Head | undefined {
  if (text === undefined) return undefined
  const [, n, hash = ''] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text) ?? []
  if (n !== undefined) return { n: Number(n), hash }
  throw usage(
    `${JSON.stringify(text.slice(0, 100))} is no NUMBER:HASH`,
    'Give what `mgo audit --verify` or the server’s log said: --head 1234:9f86d0…',
  )
}
