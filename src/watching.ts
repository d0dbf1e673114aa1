/**
 * What watches a server: its log, its metrics, its spans and its audit trail, put together for `serve.ts`.
 *
 * @module
 */
import { statSync } from 'node:fs'
import { showEvent } from './cli/show.ts'
import type { Told } from './event/event.ts'
import type { Journal } from './journal/journal.ts'
import { fieldsOf, levelOf } from './log/fields.ts'
import { readSettings } from './deploy/draft.ts'
import type { Log } from './log/log.ts'
import { type Notifier, slackNotifier } from './notify/slack.ts'

import type { SlackSettings } from './release/release.ts'
import { type Metrics, openMetrics } from './metrics/metrics.ts'
import type { Clock, Repo } from './ports.ts'
import type { Secrets } from './secrets.ts'
import type { AppOptions } from './server/app.ts'
import { denials } from './server/denials.ts'
import type { Serving } from './serving.ts'
import { traceSettings } from './trace/settings.ts'
import type { Tracer } from './trace/trace.ts'

export type Watching = {
  readonly serving: Serving
  readonly version: string
  readonly clock: Clock
  readonly log: Log
  readonly secrets: Secrets
  readonly env: Readonly<Record<string, string | undefined>>
}

/** One line for each event: text for people, fields to search by. */
export function report(told: Told, log: Log): void {
  const id = told.kind === 'accepted' ? told.request.id : told.kind === 'finished' ? told.verdict.id : ''
  const word = told.kind === 'finished' ? ` ${told.verdict.verdict}` : ''
  log[levelOf(told)](showEvent(told) ?? `${told.kind.padEnd(10)} ${id}${word}`, fieldsOf(told))
}

/** The metrics; the journal, which reports to them, is opened after them. */
export function metricsOf(journal: () => Journal, { serving, version, clock }: Watching): Metrics {
  const [now, waiting] = [() => clock.now(), () => journal().waiting()]
  const held = () => journal().held.count()
  return openMetrics({ version, now, waiting, held, journalBytes: () => bytesOf(serving.journal) })
}

/** Who was denied what, for the audit trail. */
export function denialsOf(journal: () => Journal, { clock, log }: Watching): ReturnType<typeof denials> {
  return denials({ add: (entry) => journal().trail.add(entry), now: () => clock.now(), warn: log.warn })
}

/** Where no collector is named, none of it is loaded. The environment wins over the settings. */
export async function tracerOf({ serving, env, version, log, secrets }: Watching): Promise<Tracer> {
  const endpoint = env['OTEL_EXPORTER_OTLP_ENDPOINT'] || serving.settings.traces.endpoint
  const settings = traceSettings({ ...env, OTEL_EXPORTER_OTLP_ENDPOINT: endpoint })
  if (settings === undefined) return { told: () => undefined, close: async () => undefined }
  secrets.credential(...Object.values(settings.headers))
  const { openTracer } = await import('./trace/trace.ts')
  return openTracer({ settings, version, warn: log.warn })
}

type Doors = Pick<AppOptions, 'metrics' | 'trail' | 'hide' | 'warn'>

/** What the HTTP door is given of all this. */
export function doorsOf(journal: Journal, metrics: Metrics, { secrets, log }: Watching): Doors {
  return { metrics, trail: (wanted) => journal.trail.page(wanted), hide: secrets.hide, warn: log.error }
}

/** Once in the log, which lies elsewhere, the head of the chain says whether all of it was written anew. */
export async function tellTrail(journal: Journal, log: Log): Promise<void> {
  const head = await journal.trail.head()
  if (head !== undefined)
    log.info(`the audit trail ends at ${head.n}:${head.hash}`, { entries: head.n, head: head.hash })
}

/** With its write-ahead log. */
function bytesOf(file: string): number {
  const sizes = [file, `${file}-wal`].map((one) => statSync(one, { throwIfNoEntry: false })?.size ?? 0)
  return sizes.reduce((all, one) => all + one, 0)
}

type SlackOptions = Pick<Watching, 'log' | 'secrets'> & {
  /** Wins over every other one. */
  readonly slackWebhook: string | undefined
  /** What counts at the moment. */
  readonly now: () => Pick<Serving, 'settings'>
}

/** Tells Slack, as the settings say at each message. */
export function slackOf(repo: Repo, options: SlackOptions): Notifier {
  return slackNotifier({ settings: () => slackSettings(repo, options), warn: options.log.warn })
}

/** What mygitops.yaml says, and over it, key by key, what the server's own settings say. */
async function slackSettings(repo: Repo, options: SlackOptions): Promise<SlackSettings | undefined> {
  const tip = await repo.tip()
  if (tip === undefined) return undefined
  const read = await readSettings(tip, repo)
  const slack = read.kind === 'ok' ? read.settings.slack : undefined
  const own = options.now().settings.slack ?? {}
  const webhookurl = options.slackWebhook ?? own.webhookurl ?? slack?.webhookurl
  options.secrets.credential(webhookurl, slack?.webhookurl)
  if (webhookurl === undefined) return undefined
  return {
    webhookurl,
    channel: own.channel ?? slack?.channel ?? '',
    username: own.username ?? slack?.username ?? 'Juno',
    icon: own.icon ?? slack?.icon ?? ':rocket:',
  }
}
