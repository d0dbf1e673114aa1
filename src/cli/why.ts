/**
 * `mgo status` and `mgo why`: how releases stand, and why.
 *
 * @module
 */
import { check } from '../deploy/check.ts'
import { standing, type Standing, type State } from '../deploy/standing.ts'
import { why } from '../deploy/why.ts'
import { MgoError } from '../error.ts'
import type { World } from '../ports.ts'
import { type Cluster, parseRequestId } from '../release/ids.ts'
import { printerOf, said } from './deploy.ts'
import type { Edges } from './edges.ts'
import { clusterOf, whereOf, withCluster } from './options.ts'
import type { Print } from './print.ts'
import { askServer, reachOf, verdictRemotely } from './remote.ts'
import { showStandings, showWhy } from './standing.ts'
import { tipOf } from '../deploy/tip.ts'

type Exit = (code: number) => void

/** Adds `mgo status`. */
export function statusCommand(edges: Edges, exit: Exit) {
  return withCluster('status', 'what runs on a cluster, since when, by whom, and whether it works')
    .option('--cluster <name>', 'the folder below installations/ (default: the only one)')
    .option('--quick', 'do not look at the pods; one request for all releases')
    .option('--server <url>', 'ask this mgo server instead; no kubeconfig is needed')
    .option('--token <token>', 'token for the server; better in MGO_TOKEN, where no list of processes shows it')
    .addHelpText('after', '\nThe states stand in docs/errors.md. `mgo why` tells more of one release.')
    .action(async (flags) => {
      const print = printerOf(flags, edges)
      const look = flags.quick !== true
      if (flags.server !== undefined) {
        const rows = await askReleases({ look }, { ...flags, server: flags.server }, edges)
        saidStandings(rows, flags.output, { print, nowMs: Date.now() })
        return exit(0)
      }
      const { world, close } = await edges.open({ ...whereOf(flags, edges.env), commitOnly: true }, print.told)
      try {
        const commit = await tipOf(world.repo)
        const cluster = flags.cluster === undefined ? await onlyCluster(world) : clusterOf(flags.cluster)
        const rows = world.secrets.hide(await standing(cluster, { commit, look }, world))
        saidStandings(rows, flags.output, { print, nowMs: world.clock.now() })
        exit(0)
      } finally {
        await close()
      }
    })
}

type Saying = { readonly print: Print; readonly nowMs: number }

function saidStandings(rows: readonly Standing[], output: 'text' | 'json', { print, nowMs }: Saying): void {
  if (output === 'json') print.json(rows)
  else print.result(rows.length === 0 ? 'there are no releases' : showStandings(rows, nowMs))
}

/** Adds `mgo why`. */
export function whyCommand(edges: Edges, exit: Exit) {
  return withCluster('why', 'why a release is as it is, or what became of a request; deploys nothing')
    .argument('<release-or-request>', 'web, app/web, network-raw.yaml, or the id of a request')
    .option('--cluster <name>', 'the folder below installations/ (default: the only one)')
    .option('--server <url>', 'ask this mgo server instead; no kubeconfig is needed')
    .option('--token <token>', 'token for the server; better in MGO_TOKEN, where no list of processes shows it')
    .addHelpText('after', '\nExit: 0 healthy, 1 failed or not what the repo asks for, 3 still moving')
    .action(async (what, flags) => {
      const print = printerOf(flags, edges)
      if (flags.server !== undefined) return exit(await whyRemotely(what, { ...flags, server: flags.server }, edges))
      const { world, close } = await edges.open({ ...whereOf(flags, edges.env), commitOnly: true }, print.told)
      try {
        const commit = await tipOf(world.repo)
        const cluster = async () => (flags.cluster === undefined ? onlyCluster(world) : clusterOf(flags.cluster))
        const answer = world.secrets.hide(await why({ what, commit, cluster }, world))
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
  readonly cluster?: string
  readonly token?: string
  readonly output: 'text' | 'json'
  readonly debug?: true
}

async function whyRemotely(what: string, flags: Remote, edges: Edges): Promise<number> {
  const print = printerOf(flags, edges)
  const id = parseRequestId(what.toUpperCase())
  if (id !== undefined) return said(await verdictRemotely(id, reachOf(flags, edges)), flags.output, print)
  const answer = { releases: await askReleases({ name: what, look: true }, flags, edges) }
  if (flags.output === 'json') print.json(answer)
  else print.result(showWhy(answer, Date.now()))
  return exitOfStates(answer.releases.map((one) => one.state))
}

type Looked = { readonly name?: string; readonly look: boolean }

/** How releases stand, as a server says it. Throws what it answers instead. */
async function askReleases({ name, look }: Looked, flags: Remote, edges: Edges): Promise<readonly Standing[]> {
  if (flags.cluster === undefined)
    throw new MgoError({
      code: 'USAGE',
      message: 'a server is asked about one cluster',
      hint: 'Name it with --cluster.',
    })
  const query = new URLSearchParams({
    ...(name === undefined ? {} : { release: name }),
    ...(look ? {} : { quick: 'true' }),
  })
  const path = `/v1/clusters/${encodeURIComponent(clusterOf(flags.cluster))}/releases?${query.toString()}`
  return (await askServer<{ readonly releases: readonly Standing[] }>(path, reachOf(flags, edges))).releases
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
