/**
 * A server's life: open, take up what was left, listen, and go down in order.
 *
 * @module
 */
import { Server } from 'node:https'
import { flushCompileCache } from 'node:module'
import type { Opened } from './cli/edges.ts'
import type { Secret } from './config/hooks.ts'
import { type Deployer, deployer, refused } from './deploy/deploy.ts'
import { openOverview } from './deploy/overview.ts'
import { type Entrance, openEntrance } from './entrance.ts'
import { type Hooks, hooksOf, openHooks } from './hooks.ts'
import { rehearse } from './deploy/rehearse.ts'
import { MgoError, messageOf } from './error.ts'
import type { Told } from './event/event.ts'
import type { Journal } from './journal/journal.ts'
import { openJournalThread } from './journal/thread.ts'
import type { Metrics } from './metrics/metrics.ts'
import type { Clock, Repo, World } from './ports.ts'
import { type Part, reloading, untilSignal } from './reload.ts'
import { buildApp } from './server/app.ts'
import { type Desk, type DeskOptions, openDesk } from './server/desk.ts'
import { openHub } from './server/hub.ts'
import type { FetchJson } from './server/keys.ts'
import { listenedAt, parseListen } from './server/listen.ts'
import { type Patience, patience } from './server/patience.ts'
import { keepTokenTrail } from './server/token-trail.ts'
import type { Serving } from './serving.ts'
import { renewTls } from './tls.ts'
import { denialsOf, doorsOf, metricsOf, report, slackOf, tellTrail, tracerOf, type Watching } from './watching.ts'

export type ServeOptions = Watching & {
  /** Reads the settings again; `undefined`: there is no file. Throws CONFIG_INVALID. */
  readonly reread: (() => Serving) | undefined
  readonly fetchJson: FetchJson
  /** The secret of a name: of the environment, or of a file that it names. */
  readonly secret: Secret
  /** From 0 to 1. */
  readonly chance: () => number
  /** Wins over the one in mygitops.yaml. */
  readonly slackWebhook: string | undefined
  /** From now on the log says this much. */
  readonly setLevel: (level: Serving['logLevel']) => void
  open(tell: (told: Told) => void, kube: Metrics['kube']): Promise<Opened>
}

/** What is under way gets this long after SIGTERM; the journal keeps the rest for the next start. */
const drainMs = 25_000
const dayMs = 24 * 60 * 60_000
/** Connections that the system holds until they are taken; one more than it holds comes again after a second. */
const backlog = 4_096
/** Bytes of requests without a verdict at most. */
const mostBytes = 64 * 1024 * 1024

/** Serves until SIGTERM or SIGINT. Throws CONFIG_INVALID, JOURNAL_FAILED, GIT_*: then it never listened. */
export async function serve(options: ServeOptions): Promise<void> {
  const { serving, version, clock, log } = options
  const print = log.warn
  // Settings that were just read need not be read again before it listens.
  if (options.reread !== undefined) process.on('SIGHUP', () => undefined)
  const entrance = openEntrance(serving, { ...options, print, denied: denialsOf(() => journal, options) })
  const known = hooksOf(serving.settings, options.secret)
  const metrics = metricsOf(() => journal, options)
  const journal = await openJournalThread(serving.journal, metrics.journal)
  const tracer = await tracerOf(options)
  const readers: ((told: Told) => void)[] = [(told) => report(told, log), metrics.told, tracer.told]
  const opened = await options.open((told) => {
    for (const reader of readers) reader(told)
  }, metrics.kube)
  const bounds = boundsOf(serving, options)
  const slack = slackOf(opened.repo, { ...options, now: bounds.now })
  if (!serving.dryRun) readers.push(slack.told)
  const chosen = chosenDeployer(opened.world, journal, serving)
  const desk = openDesk({ ...bounds, deployer: chosen, memory: journal, clock, warn: print, tell: opened.world.tell })
  const waits = patience(clock)
  const hub = openHub({ memory: journal, waits, warn: print })
  const pushed = { hooks: known, held: journal.held, memory: journal, waits }
  const hooks = openHooks({ ...options, ...entrance, ...opened, ...pushed, print, desk, deployer: chosen })
  for (const one of [desk, hub, hooks]) readers.push((told) => one.told(told))
  const ready = async () => desk.trouble() ?? chosen.trouble() ?? readiness(opened.repo)
  const about = { hub, memory: journal, overview: openOverview(opened.world, serving), version, ready }
  const app = buildApp({ ...entrance, ...doorsOf(journal, metrics, options), ...about, desk, webhooks: hooks.webhooks })
  const address = await listening(app.listen({ ...entrance.listen, backlog }), serving.listen)
  log.info(`mgo ${version} listens on ${address}, gitops repo ${opened.repo.name}${modeOf(serving)}`)
  renewing(serving, app.server, log.warn)
  await begun({ ...options, ...entrance, ...opened, journal, desk, hooks, waits, now: bounds.now })
  await untilSignal(reloading([entrance.reload, hooks.reload, bounds.reload], { ...options, ...opened, journal }))
  log.info('going down: nothing new is taken, what is under way is finished')
  await Promise.all([desk.drain(drainMs).then(() => waits.end()), closed(app), hooks.close()])
  await Promise.all([hub.idle(), slack.idle(), tracer.close()])
  await tellTrail(journal, log)
  entrance.close()
  await journal.close()
  await opened.close()
}

const sweepMs = 100

/**
 * Resolves when every answer is given. Those that were under way leave their connections open for a next request, for longer
 * than anybody waits for a server that goes down.
 */
async function closed(app: ReturnType<typeof buildApp>): Promise<void> {
  const sweeping = setInterval(() => app.server.closeIdleConnections(), sweepMs)
  await app.close()
  clearInterval(sweeping)
}

type Begun = Pick<ServeOptions, 'clock' | 'log'> & {
  readonly repo: Pick<Repo, 'tip'>
  /** What counts at the moment. */
  readonly now: () => Serving
  readonly journal: Journal
  readonly desk: Desk
  readonly hooks: Hooks
  readonly waits: Patience
  readonly stores: Entrance['stores']
}

/** What goes on beside the requests. */
async function begun({ now, clock, log, repo, journal, desk, hooks, waits, stores }: Begun): Promise<void> {
  await tellTrail(journal, log)
  const left = await desk.resume()
  if (left > 0) log.info(`${left} requests of an earlier run are taken up again`)
  void pruning(journal, { keepMs: () => now().settings.retention * dayMs, clock, waits, warn: log.warn })
  void keepTokenTrail({ stores, add: (entry) => journal.trail.token(entry), waits, warn: log.warn })
  hooks.begin()
  // Once the branch was seen, git may be away and a rollback is still taken.
  repo.tip().catch(() => undefined)
  // What a killed server has compiled and not kept, the next one would compile again (docs/decisions/0022).
  setImmediate(flushCompileCache)
}

function chosenDeployer(world: World, journal: Journal, { dryRun }: Serving): Deployer {
  if (dryRun) return rehearser(world)
  return deployer(world, { attempting: (ids, base) => journal.attempting(ids, base) })
}

type Bounds = Pick<DeskOptions, 'deploys' | 'limits'> & { readonly reload: Part; readonly now: () => Serving }

/** What counts at the moment: whoever needs it looks each time. */
function boundsOf(first: Serving, { setLevel }: Pick<ServeOptions, 'setLevel'>): Bounds {
  const { commitOnly } = first
  let now = first
  return {
    deploys: {
      commitOnly,
      isPatient: true,
      get patienceMs() {
        return now.patienceMs
      },
    },
    limits: {
      bytes: mostBytes,
      get requests() {
        return now.most
      },
    },
    reload: (next) => () => {
      now = next
      setLevel(next.logLevel)
    },
    now: () => now,
  }
}

/** The timer keeps nothing alive. */
function renewing({ settings }: Serving, server: object, warn: (line: string) => void): void {
  if (settings.tls !== undefined && server instanceof Server) renewTls(settings.tls, server, { warn })
}

async function listening(address: Promise<string>, listen: string): Promise<string> {
  const url = await address.catch((cause: unknown) => {
    throw taken(listen, cause)
  })
  return listenedAt(url, parseListen(listen))
}

function modeOf({ dryRun, commitOnly }: Serving): string {
  if (dryRun) return ' (dry run: nothing is written)'
  return commitOnly ? ' (commits only: no cluster is touched)' : ''
}

type Pruning = {
  readonly keepMs: () => number
  readonly clock: Clock
  readonly waits: Patience
  readonly warn: (line: string) => void
}

/** Forgets what is old, a little at a time, so that nobody waits for it. */
async function pruning(journal: Journal, { keepMs, clock, waits, warn }: Pruning): Promise<void> {
  while (waits.state() === 'open') {
    const dropped = await journal.prune(clock.now() - keepMs(), 200).catch((error: unknown) => {
      warn(`old requests were not forgotten: ${messageOf(error)}`)
      return 0
    })
    await waits.atMost(new Promise<never>(() => undefined), dropped > 0 ? 1_000 : 10 * 60_000)
  }
}

async function readiness(repo: Repo): Promise<string | undefined> {
  try {
    return (await repo.tip()) === undefined ? `${repo.name} is empty` : undefined
  } catch (error) {
    return error instanceof MgoError ? error.message : 'the gitops repo cannot be read'
  }
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
