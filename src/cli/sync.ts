/**
 * `mgo sync`: one cluster to the repo's state.
 *
 * @module
 */
import { deployer } from '../deploy/deploy.ts'
import { stepName } from '../deploy/round.ts'
import { survey } from '../deploy/survey.ts'
import { plan } from '../plan/plan.ts'
import type { World } from '../ports.ts'
import type { Cluster } from '../release/ids.ts'
import { printerOf, said } from './deploy.ts'
import type { Edges } from './edges.ts'
import { clusterOf, duration, whereOf, withCluster } from './options.ts'
import { tipOf } from '../deploy/tip.ts'

/** Adds the command. */
export function syncCommand(edges: Edges, exit: (code: number) => void) {
  return withCluster('sync', 'bring one cluster to the repo’s state, wait, say the verdict')
    .requiredOption('--cluster <name>', 'the folder below installations/')
    .option('--no-wait', 'stop when the API server has taken everything')
    .option('--timeout <time>', 'how long each verdict may wait (default: the release’s own, 5m)', duration)
    .option('--dry-run', 'show the plan; apply nothing')
    .addHelpText('after', '\nExit: 0 healthy, 1 failed, 2 refused, 3 timed out, 4 git, 5 cluster')
    .action(async (flags) => {
      const print = printerOf(flags, edges)
      const cluster = clusterOf(flags.cluster)
      const { world, close } = await edges.open(whereOf(flags, edges.env), print.told)
      try {
        if (flags.dryRun === true) {
          const steps = await rehearsal(cluster, world)
          if (flags.output === 'json') print.json(steps)
          else
            print.result(
              steps.map((one) => `${one.kind.padEnd(6)} ${one.unit}: ${one.reason}`).join('\n') ||
                'nothing is there to do',
            )
          return exit(0)
        }
        const verdict = await deployer(world).sync(cluster, { noWait: !flags.wait, timeoutMs: flags.timeout })
        exit(said(verdict, flags.output, print))
      } finally {
        await close()
      }
    })
}

async function rehearsal(cluster: Cluster, world: World) {
  const seen = await survey(cluster, await tipOf(world.repo), world)
  return plan(seen).map((step) => ({ kind: step.kind, unit: stepName(step), reason: step.reason }))
}
