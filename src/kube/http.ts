/**
 * HTTP to one API server: kept connections, credentials, retries of what is safe to say twice. JSON in and out as it is.
 *
 * @module
 */
import { Agent, type Dispatcher, ProxyAgent, request } from 'undici'
import { MgoError } from '../error.ts'
import type { Hearing, Load } from '../kube-port.ts'
import type { Credential, Login } from '../ports.ts'
import type { Hide } from '../secrets.ts'
import { isRecord, parsed, strange, textOf } from './body.ts'
import { type Budget, budget } from './budget.ts'
import { ear } from './hearing.ts'
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

/** One request that has ended. `status` is 0 where there was no answer; for a watch it is the answer to its beginning. */
export type AskedOnce = {
  readonly verb: 'get' | 'list' | 'watch' | 'apply' | 'try' | 'create' | 'delete'
  readonly status: number
  readonly ms: number
}

export type HttpOptions = {
  /** Sent as User-Agent: `mgo/1.0.0`. */
  readonly agent: string
  /** What the server says of a failure passes through it. */
  readonly hide?: Hide
  readonly asked?: (one: AskedOnce) => void
  readonly load?: (load: Load) => void
}

export type Http = {
  /** Any answer of the server; throws KUBE_UNREACHABLE, KUBE_DENIED (401). */
  readonly ask: (asked: Ask) => Promise<Answer>
  /** The body of a good answer; throws for all others. */
  json<T>(asked: Ask): Promise<T>
  /** A body that goes on. Its opening takes a seat of the budget, what follows takes none; the caller ends it. */
  stream(asked: Ask): Promise<Dispatcher.ResponseData>
  readonly hearing: () => Hearing
  readonly load: () => Load
  close(): Promise<void>
}

const timeoutMs = 60_000
/** From the first byte asked to the last one read: a server that sends one byte a minute keeps no seat for ever. */
const wholeMs = 120_000
const tries = 5

type Link = { readonly fingerprint: string; readonly plain: Dispatcher; readonly watching: Dispatcher }

/** Opens the way to an API server. Nothing is sent yet. */
export function openHttp(login: Login, options: HttpOptions): Http {
  const { agent, hide = (value) => value, asked: told = () => undefined } = options
  const seats = budget(options.load)
  const listening = ear(login.server, () => Date.now())
  let link: Link | undefined

  const linkFor = async (again?: 'again'): Promise<Proven> => {
    const credential = await login.credential(again)
    const fingerprint = `${credential.cert ?? ''}${credential.key ?? ''}`
    if (link === undefined || link.fingerprint !== fingerprint) link = openLink(login, credential, fingerprint)
    return { link, headers: { login, agent, credential } }
  }

  async function send(asked: Ask, kind: Kind, again?: 'again'): Promise<Dispatcher.ResponseData> {
    const proven = await linkFor(again)
    const begun = performance.now()
    const ended = (status: number) => told({ verb: verbOf(asked, kind), status, ms: performance.now() - begun })
    const answer = await listening.hears(once(asked, kind, proven), asked.signal).catch((cause: unknown) => {
      ended(0)
      if (asked.signal?.aborted === true) throw cause
      throw reachError(login.server, cause)
    })
    ended(answer.statusCode)
    if (answer.statusCode !== 401 || again !== undefined) return answer
    await answer.body.dump()
    return send(asked, kind, 'again')
  }

  const ask = (asked: Ask): Promise<Answer> =>
    patiently(asked, { seats, send: async () => answerOf(await send(asked, 'plain'), { login, hide }) })
  return {
    ask,
    json: async <T>(asked: Ask) => goodBody(await ask(asked), asked.what) as T,
    stream: (asked) => seated(() => send(asked, 'watching'), seats),
    hearing: listening.heard,
    load: seats.load,
    close: async () => void (await Promise.all([link?.plain.destroy(), link?.watching.destroy()])),
  }
}

function goodBody({ status, body }: Answer, what: string): unknown {
  if (status >= 300) throw statusError(what, status, body as Status)
  if (!isRecord(body)) throw strange(`${what}: it gave no JSON object`)
  return body
}

type Kind = 'plain' | 'watching'
type Proven = { readonly link: Link; readonly headers: Heading }

/** undici's request follows no redirects, and must not: the token belongs to this server alone. */
function once(asked: Ask, kind: Kind, { link, headers }: Proven): Promise<Dispatcher.ResponseData> {
  return request(`${headers.login.server}${asked.path}`, {
    method: asked.method,
    dispatcher: link[kind],
    headers: headersOf(asked, headers),
    headersTimeout: timeoutMs,
    // How long a watch lives, and how silent it may be, is its reader's business.
    bodyTimeout: kind === 'watching' ? 0 : timeoutMs,
    ...(asked.body === undefined ? {} : { body: JSON.stringify(asked.body) }),
    ...signalOf(asked, kind),
  })
}

function verbOf({ method, path }: Ask, kind: Kind): AskedOnce['verb'] {
  if (kind === 'watching') return 'watch'
  if (method === 'PATCH') return path.includes('dryRun=') ? 'try' : 'apply'
  if (method === 'GET') return /[?&]limit=/.test(path) ? 'list' : 'get'
  return method === 'POST' ? 'create' : 'delete'
}

function signalOf({ signal }: Ask, kind: Kind): { readonly signal?: AbortSignal } {
  if (kind === 'watching') return signal === undefined ? {} : { signal }
  const whole = AbortSignal.timeout(wholeMs)
  return { signal: signal === undefined ? whole : AbortSignal.any([signal, whole]) }
}

type Answered = Answer & { readonly retryAfter: unknown }
type Patience = { readonly seats: Budget; readonly send: () => Promise<Answered> }

/** Opens something that goes on: its opening counts, what follows does not. */
function seated(send: () => Promise<Dispatcher.ResponseData>, seats: Budget): Promise<Dispatcher.ResponseData> {
  return seats.seat(async () => {
    const answer = await send()
    seats.told(isBusy(answer.statusCode) ? 'busy' : 'good')
    return answer
  })
}

/** Asks again on 429 and 503, and where a read broke. Nothing of ours is unsafe to say twice: applies are idempotent, creates are named. */
async function patiently(asked: Ask, { seats, send }: Patience): Promise<Answer> {
  for (let turn = 1; ; turn++) {
    try {
      const answer = await seats.seat(send)
      const busy = isBusy(answer.status)
      seats.told(busy ? 'busy' : 'good')
      if (!busy || turn >= tries) return answer
      await pause(Number(answer.retryAfter ?? 0) * 1000, turn)
    } catch (error) {
      const again = asked.method === 'GET' || asked.method === 'PATCH'
      const broken = error instanceof MgoError && error.code === 'KUBE_UNREACHABLE'
      if (!broken || !again || turn >= 3 || /ECONNREFUSED|ENOTFOUND|CERT|TimeoutError/.test(error.message)) throw error
      await pause(0, turn)
    }
  }
}

type Reading = { readonly login: Login; readonly hide: Hide }

async function answerOf(answer: Dispatcher.ResponseData, { login, hide }: Reading): Promise<Answered> {
  const { statusCode: status, headers } = answer
  const text = await textOf(answer.body).catch((cause: unknown) => {
    throw cause instanceof MgoError ? cause : reachError(login.server, cause)
  })
  const body = parsed(text)
  // An object that was read must stay as it is; what is said of a failure is for people.
  const said = status < 300 ? body : hide(body ?? { message: text.slice(0, 500) })
  return { status, body: said, retryAfter: headers['retry-after'] }
}

function isBusy(status: number): boolean {
  return status === 429 || status === 503
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
