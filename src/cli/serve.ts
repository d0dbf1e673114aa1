/**
 * `mgo serve`: the service that CI calls.
 *
 * @module
 */
import { printerOf } from './deploy.ts'
import type { Edges } from './edges.ts'
import { whereOf, withCluster } from './options.ts'

/** Adds the command. */
export function serveCommand(edges: Edges, exit: (code: number) => void) {
  return withCluster('serve', 'the service: deploys over HTTP, on loopback until access is set up')
    .option('-l, --listen <address>', 'where to listen', '127.0.0.1:8080')
    .option('--journal <file>', 'where accepted requests are kept (default: in the state folder)')
    .option('--commit-only', 'commit and push; touch no cluster: Argo CD, Flux or a person applies')
    .option('--dry-run', 'accept, check and answer; write and apply nothing')
    .action(async (flags) => {
      const print = printerOf(flags, edges)
      const { listen, journal } = flags
      const serving = { listen, journal, dryRun: flags.dryRun === true, commitOnly: flags.commitOnly === true }
      await edges.serve(whereOf(flags, edges.env), serving, print.note)
      exit(0)
    })
}
