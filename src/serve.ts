/**
 * A server's life: open, take up what was left, listen, and go down in order.
 *
 * @module
 */
import { join } from 'node:path'
import type { Opened, Serving } from './cli/edges.ts'
import { showEvent } from './cli/show.ts'
import { type Deployer, deployer, refused } from './deploy/deploy.ts'
import { readSettings } from './deploy/draft.ts'
import { rehearse } from './deploy/rehearse.ts'
import { MgoError } from './error.ts'
import type { Told } from './event/event.ts'
import { openJournal } from './journal/journal.ts'
import { slackNotifier } from './notify/slack.ts'
import type { Clock, Repo, World } from './ports.ts'
import type { SlackSettings } from './release/release.ts'
import { buildApp, parseListen } from './server/app.ts'
import { openDesk } from './server/desk.ts'

export type ServeOptions = {
  readonly serving: Serving
  readonly version: string
  readonly clock: Clock
  readonly state: string
  readonly print: (line: string) => void
  /** Wins over the one in mygitops.yaml. */
  readonly slackWebhook: string | undefined
  open(tell: (told: Told) => void): Promise<Opened>
}

/** What is under way gets this long after SIGTERM; the journal keeps the rest for the next start. */
const drainMs = 25_000

/** Serves until SIGTERM or SIGINT. Throws CONFIG_INVALID, JOURNAL_FAILED, GIT_*: then it never listened. */
export async function serve(options: ServeOptions): Promise<void> {
  const { serving, version, clock, state, print } = options
  const { host, port } = parseListen(serving.listen)
  const journal = openJournal(serving.journal ?? join(state, 'journal.sqlite'))
  const readers: ((told: Told) => void)[] = [(told) => report(told, print)]
  const opened = await options.open((told) => {
    for (const reader of readers) reader(told)
  })
  const slack = slackNotifier({ settings: () => slackSettings(opened.repo, options.slackWebhook), warn: print })
  if (!serving.dryRun) readers.push(slack.told)
  const chosen = serving.dryRun ? rehearser(opened.world) : deployer(opened.world)
  const desk = openDesk({ deployer: chosen, memory: journal, clock, warn: print })
  const app = buildApp({ desk, version, warn: print, ready: () => readiness(opened.repo) })
  const address = await app.listen({ host, port }).catch((cause: unknown) => {
    throw taken(serving.listen, cause)
  })
  print(
    `mgo ${version} listens on ${address}, gitops repo ${opened.repo.name}${serving.dryRun ? ' (dry run: nothing is written)' : ''}`,
  )
  const left = await desk.resume()
  if (left > 0) print(`${left} requests of an earlier run are taken up again`)
  await signal()
  print('going down: nothing new is taken, what is under way is finished')
  await Promise.all([desk.drain(drainMs), app.close()])
  await slack.idle()
  journal.close()
  await opened.close()
}

function report(told: Told, print: (line: string) => void): void {
  const line = showEvent(told)
  if (line !== undefined) print(`${new Date(told.at).toISOString()} ${line}`)
  if (told.kind === 'finished')
    print(`${new Date(told.at).toISOString()} finished   ${told.verdict.id} ${told.verdict.verdict}`)
}

function signal(): Promise<void> {
  return new Promise((resolve) => {
    for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(name, () => resolve())
  })
}

async function readiness(repo: Repo): Promise<string | undefined> {
  try {
    return (await repo.tip()) === undefined ? `${repo.name} is empty` : undefined
  } catch (error) {
    return error instanceof MgoError ? error.message : 'the gitops repo cannot be read'
  }
}

async function slackSettings(repo: Repo, own: string | undefined): Promise<SlackSettings | undefined> {
  const tip = await repo.tip()
  if (tip === undefined) return undefined
  const read = await readSettings(tip, repo)
  const slack = read.kind === 'ok' ? read.settings.slack : undefined
  return slack === undefined ? undefined : { ...slack, webhookurl: own ?? slack.webhookurl }
}

/** `serve --dry-run`: accepts, checks and answers. */
function rehearser(world: World): Deployer {
  const real = deployer(world)
  return {
    sync: (cluster, options) => real.sync(cluster, options),
    async deploy(request) {
      const { id, cluster } = request
      try {
        const { releases } = await rehearse(request, world)
        const reason = 'dry run: nothing was written'
        return {
          id,
          cluster,
          verdict: 'unchanged',
          releases: releases.map((release) => ({ release, verdict: 'unchanged', reason })),
          timing: { acceptedMs: 0 },
        }
      } catch (error) {
        if (error instanceof MgoError) return refused(request, error.problems)
        throw error
      }
    },
  }
}

function taken(listen: string, cause: unknown): MgoError {
  const why = (cause as NodeJS.ErrnoException).code === 'EADDRINUSE' ? 'something listens there already' : String(cause)
  return new MgoError(
    {
      code: 'CONFIG_INVALID',
      message: `mgo cannot listen on ${listen}: ${why}`,
      hint: 'Name another address with --listen.',
    },
    { cause },
  )
}
