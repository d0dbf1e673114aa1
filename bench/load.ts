/**
 * A closed loop of callers over kept connections, and what they saw.
 *
 * @module
 */
import { Pool } from 'undici'

export type Load = {
  readonly url: string
  /** Connections, each with one request at a time. */
  readonly callers: number
  readonly seconds: number
  readonly request: (n: number) => { readonly path: string; readonly body: string }
  readonly onAnswer?: (status: number, body: string) => void
}

export type Seen = {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly statuses: Readonly<Record<string, number>>
}

/** Runs the load to its end. */
export async function loadOf({ url, callers, seconds, request, onAnswer }: Load): Promise<Seen> {
  const pool = new Pool(url, { connections: callers, pipelining: 1 })
  const times: number[] = []
  const statuses: Record<string, number> = {}
  let n = 0
  const endMs = performance.now() + seconds * 1000
  const caller = async (): Promise<void> => {
    while (performance.now() < endMs) {
      const begunMs = performance.now()
      const { path, body } = request(n++)
      const headers = { 'content-type': 'application/json' }
      const answer = await pool.request({ path, method: 'POST', headers, body }).catch(() => undefined)
      const text = (await answer?.body.text().catch(() => '')) ?? ''
      const status = answer?.statusCode ?? 0
      times.push(performance.now() - begunMs)
      statuses[status] = (statuses[status] ?? 0) + 1
      onAnswer?.(status, text)
    }
  }
  await Promise.all(Array.from({ length: callers }, caller))
  await pool.destroy()
  const good = Object.entries(statuses).reduce((sum, [status, count]) => sum + (status.startsWith('2') ? count : 0), 0)
  return { perSecond: Math.round(good / seconds), p50Ms: quantile(times, 0.5), p99Ms: quantile(times, 0.99), statuses }
}

/** A quantile of some numbers, to a tenth. */
export function quantile(numbers: readonly number[], share: number): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  return Math.round((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0) * 10) / 10
}
