/**
 * `mgo clusters`: which clusters the repo has, and whether they answer; of a server also what is to be done for them.
 *
 * @module
 */
import { openOverview } from '../deploy/overview.ts'
import type { Wellbeing } from '../deploy/wellbeing.ts'
import { oneLine, plain } from '../text.ts'
import { printerOf } from './deploy.ts'
import type { Edges } from './edges.ts'
import { whereOf, withCluster } from './options.ts'
import { askServer, reachOf } from './remote.ts'
import { ago, columns } from './standing.ts'

/** A cluster, and of a server what is to be done for it. */
export type Row = Wellbeing & { readonly queued?: number; readonly underWay?: number }

/** Adds the command. `exit` is told its exit code. */
export function clustersCommand(edges: Edges, exit: (code: number) => void) {
  return withCluster('clusters', 'which clusters there are, whether they answer, and what a server has to do for them')
    .option('--server <url>', 'ask this mgo server instead; no kubeconfig is needed')
    .option('--token <token>', 'token for the server; better in MGO_TOKEN, where no list of processes shows it')
    .addHelpText('after', '\nExit: 0 all of them answer, 5 one does not')
    .action(async (flags) => {
      const print = printerOf(flags, edges)
      const rows = flags.server === undefined ? await here() : await there(flags.server)
      if (flags.output === 'json') print.json(rows)
      else print.result(rows.length === 0 ? 'there are no clusters' : showClusters(rows, Date.now()))
      exit(rows.some(({ state }) => state === 'silent' || state === 'unusable') ? 5 : 0)

      async function there(server: string): Promise<readonly Row[]> {
        const reach = reachOf({ server, token: flags.token }, edges)
        return (await askServer<{ readonly clusters: readonly Row[] }>('/v1/clusters', reach)).clusters
      }
      async function here(): Promise<readonly Row[]> {
        const { world, close } = await edges.open({ ...whereOf(flags, edges.env), commitOnly: true }, print.told)
        try {
          const overview = openOverview(world, { commitOnly: false })
          const commit = await overview.tip()
          return world.secrets.hide(await overview.wellbeing(await overview.clusters(commit), commit))
        } finally {
          await close()
        }
      }
    })
}

/** One line a cluster, and below it what is wrong, where something is. */
export function showClusters(rows: readonly Row[], nowMs: number): string {
  const cells = rows.map(({ cluster, state, since, queued, underWay, requests }) => [
    cluster,
    since === undefined ? state : `${state} since ${ago(since, nowMs).replace(/ ago$/, '')}`,
    queued === undefined ? '-' : String(queued),
    underWay === undefined ? '-' : String(underWay),
    requests === undefined ? '-' : `${requests.inUse} of ${requests.limit}`,
  ])
  const [head = '', ...lines] = columns([['CLUSTER', 'STATE', 'QUEUED', 'UNDER WAY', 'REQUESTS'], ...cells])
  return [head, ...rows.flatMap((row, i) => [lines[i] ?? '', ...trouble(row)])].join('\n')
}

function trouble({ says, code, hint }: Row): readonly string[] {
  if (code === undefined) return []
  return [`    [${code}] ${plain(oneLine(says))}`, ...(hint === undefined ? [] : [`    → ${plain(hint)}`])]
}
