/**
 * `mgo serve`: the service that CI calls.
 *
 * @module
 */
import { printerOf } from './deploy.ts'
import type { Edges } from './edges.ts'
import { countOf, duration, whereOf, withCluster } from './options.ts'

/** Adds the command. */
export function serveCommand(edges: Edges, exit: (code: number) => void) {
  return withCluster('serve', 'the service: deploys over HTTP, on loopback until access is set up')
    .option('-l, --listen <address>', 'where to listen', '127.0.0.1:8080')
    .option('--journal <file>', 'where accepted requests are kept (default: in the state folder)')
    .option('--patience <time>', 'how long a request waits for a git server that is away (default: 15m)', duration)
    .option('--git-timeout <time>', 'how long one fetch or push may take (default: 1m)', duration)
    .option('--most <requests>', 'requests without a verdict at most; more get a 503 (default: 5000)', countOf)
    .option('--commit-only', 'commit and push; touch no cluster: Argo CD, Flux or a person applies')
    .option('--dry-run', 'accept, check and answer; write and apply nothing')
    .action(async (flags) => {
      const print = printerOf(flags, edges)
      const { listen, journal, most = 5_000, patience: patienceMs = 15 * 60_000, gitTimeout = 60_000 } = flags
      const modes = { dryRun: flags.dryRun === true, commitOnly: flags.commitOnly === true }
      const serving = { listen, journal, most, patienceMs, ...modes }
      await edges.serve({ ...whereOf(flags, edges.env), gitTimeoutMs: gitTimeout }, serving, print.note)
      exit(0)
    })
}
