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
import { type Journal, openJournal } from './journal/journal.ts'
import { slackNotifier } from './notify/slack.ts'
import type { Clock, Repo, World } from './ports.ts'
import type { SlackSettings } from './release/release.ts'
import { buildApp, parseListen } from './server/app.ts'
import { openDesk } from './server/desk.ts'
import { openHub } from './server/hub.ts'
import { type Patience, patience } from './server/patience.ts'

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
/** Bytes of requests without a verdict at most. */
const mostBytes = 64 * 1024 * 1024

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
  const chosen = serving.dryRun
    ? rehearser(opened.world)
    : deployer(opened.world, { attempting: (ids, base) => journal.attempting(ids, base) })
  const { patienceMs, commitOnly, most } = serving
  const deploys = { patienceMs, commitOnly }
  const limits = { requests: most, bytes: mostBytes }
  const desk = openDesk({ deployer: chosen, memory: journal, clock, warn: print, deploys, limits })
  const waits = patience(clock)
  const hub = openHub({ memory: journal, waits, warn: print })
  readers.push(
    (told) => desk.told(told),
    (told) => hub.told(told),
  )
  const ready = async () => desk.trouble() ?? chosen.trouble() ?? readiness(opened.repo)
  const app = buildApp({ desk, hub, memory: journal, version, warn: print, ready })
  const address = await app.listen({ host, port }).catch((cause: unknown) => {
    throw taken(serving.listen, cause)
  })
  print(`mgo ${version} listens on ${address}, gitops repo ${opened.repo.name}${modeOf(serving)}`)
  const left = await desk.resume()
  if (left > 0) print(`${left} requests of an earlier run are taken up again`)
  void pruning(journal, { clock, waits, print })
  await signal()
  print('going down: nothing new is taken, what is under way is finished')
  await Promise.all([desk.drain(drainMs).then(() => waits.end()), app.close()])
  await Promise.all([hub.idle(), slack.idle()])
  journal.close()
  await opened.close()
}

function modeOf({ dryRun, commitOnly }: Serving): string {
  if (dryRun) return ' (dry run: nothing is written)'
  return commitOnly ? ' (commits only: no cluster is touched)' : ''
}

/** What ended this long ago is forgotten, and its answer with it. */
const retentionMs = 90 * 24 * 60 * 60_000

type Pruning = { readonly clock: Clock; readonly waits: Patience; readonly print: (line: string) => void }

/** Forgets what is old, a little at a time, so that nobody waits for it. */
async function pruning(journal: Journal, { clock, waits, print }: Pruning): Promise<void> {
  while (waits.state() === 'open') {
    const dropped = await journal.prune(clock.now() - retentionMs, 200).catch((error: unknown) => {
      print(`old requests were not forgotten: ${error instanceof Error ? error.message : String(error)}`)
      return 0
    })
    await waits.atMost(new Promise<never>(() => undefined), dropped > 0 ? 1_000 : 10 * 60_000)
  }
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
    ...real,
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
