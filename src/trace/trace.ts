/**
 * Sends the spans of deploys to a collector: a reader of the event stream, which nobody waits for and which fails nobody.
 *
 * Spans are kept for a moment so that many go in one request; of a collector that is down the newest are kept, in a bounded
 * number.
 *
 * @module
 */
import { request as post } from 'undici'
import type { Told } from '../event/event.ts'
import { timeline } from '../event/timeline.ts'
import { exportBody, type Span, spansOf } from './otlp.ts'
import type { TraceSettings } from './settings.ts'

export type TraceOptions = {
  readonly settings: TraceSettings
  readonly version: string
  /** Told what could not be sent; never a header, which may be a secret. */
  readonly warn: (text: string) => void
}

export type Tracer = {
  readonly told: (told: Told) => void
  /** Sends what is left, once. */
  close(): Promise<void>
}

const everyMs = 2_000
const timeoutMs = 10_000
const most = 5_000
const inOneGo = 500

/** Makes the reader. */
export function openTracer(options: TraceOptions): Tracer {
  const line = timeline()
  const waiting: Span[] = []
  let timer: NodeJS.Timeout | undefined
  let lost = 0
  const send = async (): Promise<void> => {
    timer = undefined
    const batch = waiting.splice(0, inOneGo)
    if (batch.length === 0) return
    const why = await deliver(batch, options)
    if (why?.again === true) waiting.unshift(...batch)
    else if (why !== undefined) lost += batch.length
    lost += waiting.splice(0, Math.max(0, waiting.length - most)).length
    if (why !== undefined) options.warn(`traces: ${why.says}${lost > 0 ? `; ${lost} spans were lost so far` : ''}`)
    if (waiting.length > 0) later()
  }
  const later = (): void => {
    timer ??= setTimeout(() => void send(), everyMs)
    timer.unref()
  }
  return {
    told: (told) => {
      const course = line.told(told)
      if (course === undefined) return
      waiting.push(...spansOf(course))
      later()
    },
    close: async () => {
      clearTimeout(timer)
      await send()
      clearTimeout(timer)
    },
  }
}

type Why = { readonly says: string; readonly again: boolean }

/** 429, 502, 503 and 504 may be said again (OTLP/HTTP, "Failures"); all others would be refused again. */
async function deliver(spans: readonly Span[], { settings, version }: TraceOptions): Promise<Why | undefined> {
  try {
    const answer = await post(settings.url, {
      method: 'POST',
      body: JSON.stringify(exportBody(spans, settings, version)),
      headers: { ...settings.headers, 'content-type': 'application/json' },
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
    })
    await answer.body.dump()
    if (answer.statusCode < 300) return undefined
    const again = [429, 502, 503, 504].includes(answer.statusCode)
    return { says: `the collector answered ${answer.statusCode}`, again }
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'no answer'
    return { says: `the collector cannot be reached: ${code}`, again: true }
  }
}
