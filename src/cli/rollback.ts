/**
 * `mgo rollback`: the image that a release had before, as a new commit.
 *
 * @module
 */
import { deployer } from '../deploy/deploy.ts'
import { type Earlier, earlier } from '../deploy/rollback.ts'
import { MgoError } from '../error.ts'
import type { World } from '../ports.ts'
import { printImage } from '../release/image.ts'
import type { DeployRequest, Person } from '../release/request.ts'
import type { Verdict } from '../release/verdict.ts'
import { authorOf, printerOf, said } from './deploy.ts'
import type { Edges } from './edges.ts'
import { clusterOf, duration, exitOf, whereOf, withCluster } from './options.ts'
import type { Print } from './print.ts'
import { type Answer, reachOf, sendRemotely } from './remote.ts'
import { tipOf } from '../deploy/tip.ts'

/** Adds the command. */
export function rollbackCommand(edges: Edges, exit: (code: number) => void) {
  return withCluster('rollback', 'the image that a release had before, as a new commit; then as deploy')
    .argument('<release>', 'namespace/name, or the name alone')
    .option('--cluster <name>', 'where more than one cluster has the release')
    .option('--to <commit-or-image>', 'a commit of its values file, or an image (default: the last other image)')
    .option('--author <who>', 'who asks: "Ada Lovelace <ada@example.com>"')
    .option('--commit-only', 'stop after the commit; a clone is not pushed, the cluster is not touched')
    .option('--no-wait', 'stop when the API server has taken everything')
    .option('--timeout <time>', 'how long the verdict may wait (default: the release’s own, 5m)', duration)
    .option('--dry-run', 'say what it would go back to; write and apply nothing')
    .option('--server <url>', 'send the request to this mgo server instead; no kubeconfig is needed')
    .option('--token <token>', 'token for the server; better in MGO_TOKEN, where no list of processes shows it')
    .addHelpText('after', '\nExit: 0 healthy, 1 failed, 2 refused, 3 timed out, 4 git, 5 cluster')
    .action(async (release, flags) => {
      const print = printerOf(flags, edges)
      if (flags.server !== undefined)
        return exit(await remotely({ ...flags, release, server: flags.server }, print, edges))
      const author = authorOf(flags.author)
      const cluster = flags.cluster === undefined ? undefined : clusterOf(flags.cluster)
      const commitOnly = flags.commitOnly === true
      const { world, close } = await edges.open({ ...whereOf(flags, edges.env), commitOnly }, print.told)
      try {
        const found = await earlier({ release, cluster, to: flags.to }, await tipOf(world.repo), world)
        print.note(`going back to ${found.from.commit.slice(0, 12)} (${found.from.subject}): ${shown(found)}`)
        if (flags.dryRun === true) return exit(0)
        const options = { commitOnly, noWait: !flags.wait, timeoutMs: flags.timeout }
        const deploying = deployer(world)
        const verdicts = await Promise.all(requests(found, author, world).map((one) => deploying.deploy(one, options)))
        exit(saidAll(verdicts, flags.output, print))
      } finally {
        await close()
      }
    })
}

type Remote = {
  readonly release: string
  readonly cluster?: string
  readonly to?: string
  readonly author?: string
  readonly server: string
  readonly token?: string
  readonly timeout?: number
  readonly dryRun?: true
  readonly output: 'text' | 'json'
}

/** The server finds the image and names the commit after whom it verified. Gives the exit code. */
async function remotely(flags: Remote, print: Print, edges: Edges): Promise<number> {
  const { release, cluster, to, author, server, token, timeout: timeoutMs } = flags
  if (cluster === undefined || flags.dryRun === true)
    throw new MgoError({
      code: 'USAGE',
      message: cluster === undefined ? 'a server is asked about one cluster' : 'a server has no dry run',
      hint: cluster === undefined ? 'Name it with --cluster.' : 'Leave out --dry-run, or --server.',
    })
  const accepted = (waiting: Answer) => goingBack(waiting).forEach(print.note)
  const options = { ...reachOf({ server, token }, edges), author, timeoutMs, accepted }
  return said(await sendRemotely('/v1/rollbacks', { cluster, release, to }, options), flags.output, print)
}

/** What a server is about to do. An older one does not say. */
function goingBack({ image, backTo, backFrom, git }: Answer): readonly string[] {
  if (backTo === undefined) return []
  const away = `git is away: it is done when git is back, unless another image than at ${backFrom?.slice(0, 12)} is there by then`
  return [`going back to ${backTo.slice(0, 12)}: ${image}`, ...(git === 'away' ? [away] : [])]
}

/** One verdict as a deploy says it; several, for a release with several images, as a list. Gives the worst exit code. */
function saidAll(verdicts: readonly Verdict[], output: 'text' | 'json', print: Print): number {
  const [first, second] = verdicts
  if (output === 'text' || (first !== undefined && second === undefined))
    return Math.max(...verdicts.map((one) => said(one, output, print)))
  print.json(verdicts)
  return Math.max(...verdicts.map(exitOf))
}

function shown({ images }: Earlier): string {
  return [...images.values()].map(printImage).join(', ')
}

function requests({ cluster, images, from, now }: Earlier, author: Person, { clock }: World): readonly DeployRequest[] {
  return [...images].map(([source, image]) => ({
    id: clock.id(),
    cluster,
    source,
    image,
    author,
    backTo: from.commit,
    backFrom: now,
    acceptedAt: clock.now(),
  }))
}
