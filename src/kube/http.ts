/**
 * HTTP to one API server: kept connections, credentials, retries of what is safe to say twice. JSON in and out as it is.
 *
 * @module
 */
import { Agent, type Dispatcher, ProxyAgent, request } from 'undici'
import { MgoError } from '../error.ts'
import type { Credential, Login } from '../ports.ts'
import { type Budget, budget } from './budget.ts'
import { reachError, type Status, statusError } from './error.ts'

export type Ask = {
  readonly method: 'GET' | 'PATCH' | 'POST' | 'DELETE'
  /** Path with query. */
  readonly path: string
  readonly body?: unknown
  readonly contentType?: string
  readonly accept?: string
  /** What is being done, for the error: `read Deployment app/web`. */
  readonly what: string
  readonly signal?: AbortSignal
}

export type Answer = { readonly status: number; readonly body: unknown }

export type Http = {
  /** Any answer of the server; throws KUBE_UNREACHABLE, KUBE_DENIED (401). */
  ask(asked: Ask): Promise<Answer>
  /** The body of a good answer; throws for all others. */
  json<T>(asked: Ask): Promise<T>
  /** A body that goes on. Its opening takes a seat of the budget, what follows takes none; the caller ends it. */
  stream(asked: Ask): Promise<Dispatcher.ResponseData>
  close(): Promise<void>
}

const timeoutMs = 60_000
const tries = 5

type Link = { readonly fingerprint: string; readonly plain: Dispatcher; readonly watching: Dispatcher }

/** Opens the way to an API server. `agent` is sent as User-Agent. Nothing is sent yet. */
export function openHttp(login: Login, agent: string): Http {
  const seats = budget()
  let link: Link | undefined

  async function send(asked: Ask, kind: 'plain' | 'watching', again?: 'again'): Promise<Dispatcher.ResponseData> {
    const credential = await login.credential(again)
    const fingerprint = `${credential.cert ?? ''}${credential.key ?? ''}`
    if (link === undefined || link.fingerprint !== fingerprint) link = openLink(login, credential, fingerprint)
    const answer = await request(`${login.server}${asked.path}`, {
      method: asked.method,
      dispatcher: link[kind],
      headers: headersOf(asked, { login, agent, credential }),
      headersTimeout: timeoutMs,
      // How long a watch lives, and how silent it may be, is its reader's business.
      bodyTimeout: kind === 'watching' ? 0 : timeoutMs,
      ...(asked.body === undefined ? {} : { body: JSON.stringify(asked.body) }),
      ...(asked.signal === undefined ? {} : { signal: asked.signal }),
    }).catch((cause: unknown) => {
      if (asked.signal?.aborted === true) throw cause
      throw reachError(login.server, cause)
    })
    if (answer.statusCode !== 401 || again !== undefined) return answer
    await answer.body.dump()
    return send(asked, kind, 'again')
  }

  const ask = (asked: Ask): Promise<Answer> => patiently(asked, () => send(asked, 'plain'), seats)
  return {
    ask,
    async json<T>(asked: Ask) {
      const answer = await ask(asked)
      if (answer.status >= 300) throw statusError(asked.what, answer.status, answer.body as Status)
      return answer.body as T
    },
    stream: (asked) => seated(() => send(asked, 'watching'), seats),
    close: async () => {
      await Promise.all([link?.plain.destroy(), link?.watching.destroy()])
    },
  }
}

/** Opens something that goes on: its opening counts, what follows does not. */
function seated(send: () => Promise<Dispatcher.ResponseData>, seats: Budget): Promise<Dispatcher.ResponseData> {
  return seats.seat(async () => {
    const answer = await send()
    seats.told(isBusy(answer.statusCode) ? 'busy' : 'good')
    return answer
  })
}

/** Asks again on 429 and 503, and where a read broke. Nothing of ours is unsafe to say twice: applies are idempotent, creates are named. */
async function patiently(asked: Ask, send: () => Promise<Dispatcher.ResponseData>, seats: Budget): Promise<Answer> {
  for (let turn = 1; ; turn++) {
    try {
      const answer = await seats.seat(async () => {
        const got = await send()
        return { status: got.statusCode, retryAfter: got.headers['retry-after'], body: await bodyOf(got) }
      })
      const busy = isBusy(answer.status)
      seats.told(busy ? 'busy' : 'good')
      if (!busy || turn >= tries) return answer
      await pause(Number(answer.retryAfter ?? 0) * 1000, turn)
    } catch (error) {
      const again = asked.method === 'GET' || asked.method === 'PATCH'
      const broken = error instanceof MgoError && error.code === 'KUBE_UNREACHABLE'
      if (!broken || !again || turn >= 3 || /ECONNREFUSED|ENOTFOUND|CERT/.test(error.message)) throw error
      await pause(0, turn)
    }
  }
}

function isBusy(status: number): boolean {
  return status === 429 || status === 503
}

async function bodyOf(answer: Dispatcher.ResponseData): Promise<unknown> {
  const text = await answer.body.text()
  try {
    return JSON.parse(text)
  } catch {
    return { message: text.slice(0, 500) }
  }
}

function pause(askedMs: number, turn: number): Promise<void> {
  const ms = Math.min(30_000, Math.max(askedMs, 100 * 2 ** turn * (0.5 + Math.random())))
  return new Promise((resolve) => setTimeout(resolve, ms))
}

type Heading = { readonly login: Login; readonly agent: string; readonly credential: Credential }

function headersOf(asked: Ask, { login, agent, credential }: Heading): string[] {
  const headers = ['user-agent', agent, 'accept', asked.accept ?? 'application/json']
  if (asked.body !== undefined) headers.push('content-type', asked.contentType ?? 'application/json')
  if (credential.token !== undefined) headers.push('authorization', `Bearer ${credential.token}`)
  if (login.impersonate !== undefined) {
    headers.push('impersonate-user', login.impersonate.user)
    for (const group of login.impersonate.groups) headers.push('impersonate-group', group)
  }
  return headers
}

function openLink(login: Login, { cert, key }: Credential, fingerprint: string): Link {
  const connect = {
    ...(login.ca === undefined ? {} : { ca: login.ca }),
    ...(login.serverName === undefined ? {} : { servername: login.serverName }),
    ...(login.insecure === true ? { rejectUnauthorized: false } : {}),
    ...(cert === undefined || key === undefined ? {} : { cert, key }),
    keepAlive: true,
    keepAliveInitialDelay: 30_000,
    timeout: 10_000,
  }
  const open = (connections: number | null): Dispatcher => {
    // HTTP/1 for all: one dead HTTP/2 connection would stall every watch at once.
    const common = { allowH2: false, connections, pipelining: 1 }
    return login.proxy === undefined
      ? new Agent({ ...common, connect })
      : new ProxyAgent({ ...common, uri: login.proxy, requestTls: connect })
  }
  return { fingerprint, plain: open(32), watching: open(null) }
}
