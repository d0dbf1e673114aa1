/**
 * `mgo status` and `mgo why`: how releases stand, and why.
 *
 * @module
 */
import { check } from '../deploy/check.ts'
import { standing, type State } from '../deploy/standing.ts'
import { why } from '../deploy/why.ts'
import { MgoError } from '../error.ts'
import type { World } from '../ports.ts'
import { type Cluster, parseRequestId } from '../release/ids.ts'
import { printerOf, said } from './deploy.ts'
import type { Edges } from './edges.ts'
import { identityFor } from './identity.ts'
import { clusterOf, whereOf, withCluster } from './options.ts'
import { verdictRemotely } from './remote.ts'
import { showStandings, showWhy } from './standing.ts'
import { tipOf } from './tip.ts'

type Exit = (code: number) => void

/** Adds `mgo status`. */
export function statusCommand(edges: Edges, exit: Exit) {
  return withCluster('status', 'what runs on a cluster, since when, by whom, and whether it works')
    .option('--cluster <name>', 'the folder below installations/ (default: the only one)')
    .option('--quick', 'do not look at the pods; one request for all releases')
    .addHelpText('after', '\nThe states stand in docs/errors.md. `mgo why` tells more of one release.')
    .action(async (flags) => {
      const print = printerOf(flags, edges)
      const { world, close } = await edges.open({ ...whereOf(flags, edges.env), commitOnly: true }, print.told)
      try {
        const commit = await tipOf(world.repo)
        const cluster = flags.cluster === undefined ? await onlyCluster(world) : clusterOf(flags.cluster)
        const rows = await standing(cluster, { commit, look: flags.quick !== true }, world)
        if (flags.output === 'json') print.json(rows)
        else print.result(rows.length === 0 ? `${cluster} has no releases` : showStandings(rows, world.clock.now()))
        exit(0)
      } finally {
        await close()
      }
    })
}

/** Adds `mgo why`. */
export function whyCommand(edges: Edges, exit: Exit) {
  return withCluster('why', 'why a release is as it is, or what became of a request; deploys nothing')
    .argument('<release-or-request>', 'web, app/web, network-raw.yaml, or the id of a request')
    .option('--cluster <name>', 'the folder below installations/ (default: the only one)')
    .option('--server <url>', 'ask this mgo server what became of a request')
    .option('--token <token>', 'token for the server; better in MGO_TOKEN, where no list of processes shows it')
    .addHelpText('after', '\nExit: 0 healthy, 1 failed or not what the repo asks for, 3 still moving')
    .action(async (what, flags) => {
      const print = printerOf(flags, edges)
      if (flags.server !== undefined) return exit(await askServer(what, { ...flags, server: flags.server }, edges))
      const { world, close } = await edges.open({ ...whereOf(flags, edges.env), commitOnly: true }, print.told)
      try {
        const commit = await tipOf(world.repo)
        const cluster = async () => (flags.cluster === undefined ? onlyCluster(world) : clusterOf(flags.cluster))
        const answer = await why({ what, commit, cluster }, world)
        if (flags.output === 'json') print.json(answer)
        else print.result(showWhy(answer, world.clock.now()))
        exit(exitOfStates(answer.releases.map((one) => one.state)))
      } finally {
        await close()
      }
    })
}

type Remote = {
  readonly server: string
  readonly token?: string
  readonly output: 'text' | 'json'
  readonly debug?: true
}

async function askServer(what: string, flags: Remote, edges: Edges): Promise<number> {
  const id = parseRequestId(what.toUpperCase())
  if (id === undefined)
    throw new MgoError({
      code: 'USAGE',
      message: `${JSON.stringify(what)} is no request: a server is asked by the id of one`,
      hint: 'Leave --server out to ask the repo and the cluster about a release.',
    })
  const agent = `mgo/${edges.version}`
  const identity = identityFor({ server: flags.server, token: flags.token, agent }, edges)
  const verdict = await verdictRemotely(id, { server: flags.server, identity, agent })
  return said(verdict, flags.output, printerOf(flags, edges))
}

function exitOfStates(states: readonly State[]): number {
  if (states.every((one) => one === 'healthy')) return 0
  return states.some((one) => one !== 'healthy' && one !== 'moving') ? 1 : 3
}

async function onlyCluster({ repo }: World): Promise<Cluster> {
  const checked = await check(await tipOf(repo), repo)
  const [first, second] = checked.clusters
  if (first !== undefined && second === undefined) return first
  throw new MgoError({
    code: 'USAGE',
    message: 'the repo has more than one cluster, or none',
    hint: `Name one with --cluster: ${checked.clusters.join(', ')}.`,
  })
}
