/**
 * `mgo serve`: the service that CI calls.
 *
 * @module
 */
import { Option } from '@commander-js/extra-typings'
import { MgoError } from '../error.ts'
import { printerOf } from './deploy.ts'
import { type Edges, logLevels, type ServeFlags } from './edges.ts'
import { countOf, duration, givenOf, withCluster } from './options.ts'
import type { Print } from './print.ts'

const signals = `
SIGTERM and SIGINT end it in order. With --config, SIGHUP reads the settings
again; what cannot change without a restart is named in the log. A file with a
problem changes nothing; the log says why.`

/** Adds the command. */
export function serveCommand(edges: Edges, exit: (code: number) => void) {
  return withCluster('serve', 'the service: deploys over HTTP')
    .option('-c, --config <file>', 'its settings, mgo.server.yaml (default: MGO_CONFIG, else none); flags win over it')
    .option('--check-config', 'say what is wrong with the settings, and stop')
    .option('--online', 'with --check-config: look into the gitops repo, too')
    .option('--print-schema', 'print the JSON Schema of the settings for editors, and stop')
    .option('-l, --listen <address>', 'where to listen (default: 127.0.0.1:8080)')
    .option('--journal <file>', 'where accepted requests are kept (default: in the state folder)')
    .option('--patience <time>', 'how long a request waits for a git server that is away (default: 15m)', duration)
    .option('--git-timeout <time>', 'how long one fetch or push may take (default: 1m)', duration)
    .option('--most <requests>', 'requests without a verdict at most; more get a 503 (default: 5000)', countOf)
    .option('--insecure-open', 'ask nobody who they are, though it is not loopback: for trials')
    .option('--commit-only', 'commit and push; touch no cluster: Argo CD, Flux or a person applies')
    .option('--dry-run', 'accept, check and answer; write and apply nothing')
    .addOption(new Option('--log-level <level>', 'what the log says at least (default: info)').choices(logLevels))
    .addHelpText('after', signals)
    .action(async (flags) => {
      const print = printerOf(flags, edges)
      const config = flags.config ?? (edges.env['MGO_CONFIG'] || undefined)
      if (flags.printSchema === true) return print.json(await edges.settingsSchema())
      const { listen, journal, most, patience: patienceMs, gitTimeout: gitTimeoutMs } = flags
      const said = { config, listen, journal, most, patienceMs, gitTimeoutMs }
      const modes = {
        dryRun: flags.dryRun === true,
        commitOnly: flags.commitOnly === true,
        insecureOpen: flags.insecureOpen === true,
      }
      const logLevel = flags.debug === true ? 'debug' : flags.logLevel
      const serving = { ...givenOf(flags, edges.env), ...said, ...modes, logLevel }
      if (flags.checkConfig === true)
        return print.result(await checked(serving, flags.online === true, { edges, print }))
      await edges.serve(serving)
      exit(0)
    })
}

type Saying = { readonly edges: Edges; readonly print: Print }

/** Throws every problem at once, after the warnings. */
async function checked(serving: ServeFlags, isOnline: boolean, { edges, print }: Saying): Promise<string> {
  if (serving.config === undefined) missing()
  const { warnings, problems } = await edges.checkServing(serving, isOnline)
  for (const warning of warnings) print.note(`warning: ${warning}`)
  const [first] = problems
  if (first !== undefined) throw new MgoError(first, { problems })
  return `${serving.config}: no problem found`
}

function missing(): never {
  throw new MgoError({
    code: 'USAGE',
    message: 'there are no settings to check',
    hint: 'Name them: --config mgo.server.yaml.',
  })
}
