/**
 * HTTP to registries: guarded addresses, no redirects, small answers, short times.
 *
 * @module
 */
import { isIP } from 'node:net'
import { Agent, type Dispatcher, request } from 'undici'
import { type Chosen, guardedLookup, mayCall } from './address.ts'
import { unreachable } from './error.ts'

export type Ask = {
  readonly method: 'HEAD' | 'GET'
  readonly url: URL
  readonly accept: string
  readonly authorization?: string
  readonly chosen: Chosen
  readonly signal: AbortSignal
  /** The registry that it is about, for errors. */
  readonly host: string
}

export type Answer = {
  readonly status: number
  readonly header: (name: string) => string | undefined
  readonly body: Buffer
}

export type Wire = { ask(ask: Ask): Promise<Answer>; close(): Promise<void> }

/** What a manifest may have (distribution's own limit), and more than any token. */
const mostBytes = 4 * 1024 * 1024

/** Opens the wire. Throws REGISTRY_UNREACHABLE for whatever is no answer within `timeoutMs`. */
export function openWire(agent: string, timeoutMs: number): Wire {
  const timeouts = { headersTimeout: timeoutMs, bodyTimeout: timeoutMs }
  const agents: Readonly<Record<Chosen, Agent>> = {
    named: agentFor('named', timeoutMs),
    told: agentFor('told', timeoutMs),
  }
  return {
    async ask({ method, url, accept, authorization, chosen, signal, host }) {
      const name = url.hostname.replace(/^\[|\]$/g, '')
      if (isIP(name) !== 0 && !mayCall(name, name, chosen))
        throw unreachable(host, `${url.host} is an address that is not called`)
      const headers = { accept, 'user-agent': agent, ...(authorization === undefined ? {} : { authorization }) }
      try {
        const got = await request(url, { method, headers, signal, dispatcher: agents[chosen], ...timeouts })
        return { status: got.statusCode, header: (one) => headerOf(got, one), body: await bodyOf(got) }
      } catch (cause) {
        throw unreachable(host, reason(cause), cause)
      }
    },
    close: async () => {
      await Promise.all([agents.named.destroy(), agents.told.destroy()])
    },
  }
}

function agentFor(chosen: Chosen, timeout: number): Agent {
  return new Agent({ allowH2: false, connections: 8, connect: { lookup: guardedLookup(chosen), timeout } })
}

async function bodyOf({ body }: Dispatcher.ResponseData): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > mostBytes) throw new Error('it answers with more than 4 MiB')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function headerOf({ headers }: Dispatcher.ResponseData, name: string): string | undefined {
  const value = headers[name]
  return Array.isArray(value) ? value[0] : value
}

function reason(cause: unknown): string {
  if (!(cause instanceof Error)) return 'no answer'
  const inner = cause instanceof AggregateError ? (cause.errors[0] as Error | undefined)?.message : undefined
  return inner ?? (cause.message || cause.name)
}
