/**
 * Tells Slack about finished deploys: a reader of the event stream, which nobody waits for and which fails nobody.
 *
 * @module
 */
import { request as post } from 'undici'
import type { Told } from '../event/event.ts'
import type { SlackSettings } from '../release/release.ts'
import { slackMessage } from './message.ts'

export type SlackOptions = {
  /** As they stand now: the repo may change them at any time. */
  readonly settings: () => Promise<SlackSettings | undefined>
  /** Told what could not be sent; never the address, which is a secret. */
  readonly warn: (text: string) => void
}

export type Notifier = { readonly told: (event: Told) => void; idle(): Promise<void> }

const tries = 3
const timeoutMs = 10_000

/** Makes the reader. */
export function slackNotifier(options: SlackOptions): Notifier {
  const open = new Set<Promise<void>>()
  return {
    told: (event) => {
      if (event.kind !== 'finished' || event.request === undefined) return
      const sending = send({ request: event.request, verdict: event.verdict, at: event.at }, options)
        .catch((error: unknown) => options.warn(`slack: the message was not sent: ${reason(error)}`))
        .finally(() => open.delete(sending))
      open.add(sending)
    },
    idle: async () => {
      await Promise.all(open)
    },
  }
}

type Finished = Parameters<typeof slackMessage>[0] & { readonly at: number }

async function send(finished: Finished, { settings }: SlackOptions): Promise<void> {
  const now = await settings()
  const url = now?.webhookurl
  if (now === undefined || url === undefined || url === '') return
  const message = slackMessage(finished, now, finished.at)
  if (message === undefined) return
  for (let turn = 1; ; turn++) {
    const answer = await deliver(url, JSON.stringify(message))
    if (answer.status < 300) return
    const again = answer.status === 429 || answer.status >= 500
    if (!again || turn === tries) throw new Error(`Slack answered ${answer.status}`)
    await new Promise((resolve) => setTimeout(resolve, Math.min(30_000, answer.retryAfterMs || 500 * 2 ** turn)))
  }
}

/** undici's request follows no redirects, and must not: the address is a secret that belongs to Slack. */
async function deliver(url: string, body: string): Promise<{ readonly status: number; readonly retryAfterMs: number }> {
  try {
    const answer = await post(url, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json' },
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
    })
    await answer.body.dump()
    return { status: answer.statusCode, retryAfterMs: Number(answer.headers['retry-after'] ?? 0) * 1000 }
  } catch {
    return { status: 599, retryAfterMs: 0 }
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message.replace(/https?:\/\/\S+/g, '***') : 'unknown'
}
