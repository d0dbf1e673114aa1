/**
 * `mgo deploy`: an image to a cluster, here or through a server.
 *
 * @module
 */
import { deployer } from '../deploy/deploy.ts'
import { type Rehearsed, rehearse } from '../deploy/rehearse.ts'
import { MgoError } from '../error.ts'
import { parseAuthor } from '../request/author.ts'
import type { Asked } from '../request/request.ts'
import type { Person } from '../release/request.ts'
import type { Verdict } from '../release/verdict.ts'
import { showVerdict } from './show.ts'
import type { Edges } from './edges.ts'
import { duration, exitOf, whereOf, withCluster } from './options.ts'
import { type Print, printer } from './print.ts'
import { deployRemotely, reachOf } from './remote.ts'

/** Adds the command. `exit` is told its exit code. */
export function deployCommand(edges: Edges, exit: (code: number) => void) {
  return withCluster('deploy', 'commit an image to the gitops repo, bring the cluster to it, say the verdict')
    .requiredOption('--cluster <name>', 'the folder below installations/')
    .requiredOption('--source <name>', 'the source, as the header’s images name it: github.com/acme/shop')
    .requiredOption('--image <repo:tag>', 'the image, with tag or digest: quay.io/acme/shop:v2')
    .option('--author <who>', 'who asks: "Ada Lovelace <ada@example.com>"; a server names whom it verified')
    .option('--commit-only', 'stop after the commit; a clone is not pushed, the cluster is not touched')
    .option('--no-wait', 'stop when the API server has taken everything')
    .option('--timeout <time>', 'how long the verdict may wait (default: the release’s own, 5m)', duration)
    .option('--dry-run', 'show the edit; write and apply nothing')
    .option('--server <url>', 'send the request to a mgo server instead (MGO_SERVER)')
    .option('--token <token>', 'token for the server; better in MGO_TOKEN, where no list of processes shows it')
    .addHelpText('after', '\nExit: 0 healthy, 1 failed, 2 refused, 3 timed out, 4 git, 5 cluster')
    .action(async (flags) => {
      const print = printerOf(flags, edges)
      const server = flags.server ?? edges.env['MGO_SERVER'] ?? ''
      if (server === '') return exit(await here(await askedOf(flags), { ...flags, print, edges }))
      // The server knows who calls, and parses again; this finds mistakes before anything is sent.
      const asked = await askedOf({ ...flags, author: flags.author ?? 'whoever the server verifies' })
      const reach = reachOf({ server, token: flags.token }, edges)
      const options = { ...reach, author: flags.author, timeoutMs: flags.timeout }
      exit(said(await deployRemotely(asked, options), flags.output, print))
    })
}

type Here = Flags & {
  readonly gitopsRepo?: string
  readonly branch?: string
  readonly allowRanges?: true
  readonly kubeconfig?: string
  readonly helm?: string
  readonly commitOnly?: true
  readonly wait: boolean
  readonly timeout?: number
  readonly dryRun?: true
  readonly print: Print
  readonly edges: Edges
}

/** Without a server: everything from this machine. Gives the exit code. */
async function here(asked: Asked, flags: Here): Promise<number> {
  const { print, edges } = flags
  const commitOnly = flags.commitOnly === true
  const opened = await edges.open({ ...whereOf(flags, edges.env), commitOnly }, print.told)
  try {
    const request = { ...asked, id: opened.world.clock.id(), acceptedAt: opened.world.clock.now() }
    if (flags.dryRun === true) return dryRun(print, flags.output, await rehearse(request, opened.world))
    const options = { commitOnly, noWait: !flags.wait, timeoutMs: flags.timeout }
    return said(await deployer(opened.world).deploy(request, options), flags.output, print)
  } finally {
    await opened.close()
  }
}

/** Prints a verdict. Gives its exit code. */
export function said(verdict: Verdict, output: 'text' | 'json', print: Print): number {
  if (output === 'json') print.json(verdict)
  else print.result(showVerdict(verdict))
  return exitOf(verdict)
}

type Flags = { readonly output: 'text' | 'json'; readonly debug?: true | undefined }

/** The printer of a command. */
export function printerOf({ output, debug }: Flags, edges: Edges): Print {
  const colour = edges.isTerminal && (edges.env['NO_COLOR'] ?? '') === ''
  return printer({ json: output === 'json', debug: debug === true, colour, hide: edges.secrets.hide })
}

type Wanted = {
  readonly cluster: string
  readonly source: string
  readonly image: string
  readonly author?: string | undefined
}

async function askedOf({ cluster, source, image, author }: Wanted): Promise<Asked> {
  // A quarter of all that there is to load, and no other command needs it.
  const { parseAsked } = await import('../request/request.ts')
  const parsed = parseAsked({ cluster, source, image, author: needed(author) })
  if (parsed.kind === 'ok') return parsed.asked
  const [first] = parsed.problems
  if (first === undefined) throw new Error('refused without a problem')
  throw new MgoError(first, { problems: parsed.problems })
}

/** Reads `--author`, which a deploy and a rollback need. Throws USAGE, AUTHOR_INVALID. */
export function authorOf(author: string | undefined): Person {
  const parsed = parseAuthor(needed(author))
  if (parsed.kind === 'refused') throw new MgoError(parsed.problem)
  return parsed.author
}

function needed(author: string | undefined): string {
  if (author !== undefined) return author
  throw new MgoError({
    code: 'USAGE',
    message: "required option '--author <who>' not specified",
    hint: 'Say who asks: --author "Ada Lovelace <ada@example.com>".',
  })
}

function dryRun(print: Print, output: 'text' | 'json', found: Rehearsed): number {
  if (output === 'json') print.json(found)
  else
    print.result(
      found.diffs.length === 0
        ? 'unchanged: the repo says so already; nothing would be committed'
        : found.diffs.join('\n'),
    )
  if (output === 'text') print.note(`dry run: would touch ${found.releases.join(', ')}; nothing was written`)
  return 0
}
