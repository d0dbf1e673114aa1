/**
 * A deploy through a server: the same request, the same verdict, over HTTP.
 *
 * @module
 */
import { type Code, codes, MgoError, messageOf } from '../error.ts'
import { printImage } from '../release/image.ts'
import type { RequestId } from '../release/ids.ts'
import type { Verdict } from '../release/verdict.ts'
import type { Asked } from '../request/request.ts'
import type { Edges } from './edges.ts'
import { type Identity, identityFor } from './identity.ts'

/** How a server is reached. */
export type Reach = { readonly server: string; readonly identity: Identity; readonly agent: string }

type Given = { readonly server: string; readonly token?: string | undefined }

/** How the server is reached that a command names. */
export function reachOf({ server, token }: Given, edges: Pick<Edges, 'env' | 'secret' | 'version'>): Reach {
  const agent = `mgo/${edges.version}`
  return { server, identity: identityFor({ server, token, agent }, edges), agent }
}

export type RemoteOptions = Reach & {
  /** As it was given; without one the server names the commit after whom it verified. */
  readonly author: string | undefined
  readonly timeoutMs: number | undefined
  /** Hears of a request that was accepted and has no verdict yet. */
  readonly accepted?: (waiting: Answer) => void
}

/** A server holds an answer back for this long at most; then it is asked again. */
const waitSeconds = 60
/** Longer than any header's default; a request that is still open then is told by its id. */
const patienceMs = 15 * 60_000

/** What a server says of a request, or instead. */
export type Answer = {
  readonly id?: string
  readonly image?: string
  readonly backTo?: string
  readonly backFrom?: string
  readonly git?: string
  readonly verdict?: string
  readonly code?: string
  readonly detail?: string
  readonly hint?: string
}

/** Sends a deploy and waits for its verdict. Throws KUBE_UNREACHABLE-like codes as the server gives them. */
export async function deployRemotely({ cluster, source, image }: Asked, options: RemoteOptions): Promise<Verdict> {
  return sendRemotely('/v1/deploys', { cluster, source, image: printImage(image) }, options)
}

/** Sends a request of any kind and waits for its verdict. */
export async function sendRemotely(path: string, fields: object, options: RemoteOptions): Promise<Verdict> {
  const body = JSON.stringify({ ...fields, author: options.author })
  let answer = await call(path, { method: 'POST', body }, options)
  const end = performance.now() + (options.timeoutMs ?? patienceMs)
  if (answer.id !== undefined && answer.verdict === undefined) options.accepted?.(answer)
  while (answer.verdict === undefined) {
    if (answer.id === undefined) throw refusal(answer)
    if (performance.now() > end) throw late(answer.id, options.server)
    answer = await asked(answer.id, end, options)
  }
  return answer as unknown as Verdict
}

/** A server that is away for a moment, or a proxy before it. */
const passing: ReadonlySet<string | undefined> = new Set([undefined, 'OVERLOADED', 'SERVER_UNREACHABLE'])
const pauseMs = 1_000

/** Asks for the verdict of what was accepted. That is kept: a server that starts anew meanwhile is asked again. */
async function asked(id: string, end: number, options: Reach): Promise<Answer> {
  for (;;) {
    const answer = await call(`/v1/deploys/${id}?wait=${waitSeconds}s`, { method: 'GET' }, options).catch(
      (error: unknown) => {
        if (!(error instanceof MgoError) || error.code !== 'SERVER_UNREACHABLE' || performance.now() > end) throw error
        return { code: error.code }
      },
    )
    if ('id' in answer || !passing.has(answer.code) || performance.now() > end) return answer
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
}

/** Asks a server for JSON. Throws what the server answers instead, SERVER_UNREACHABLE. */
export async function askServer<T>(path: string, options: Reach): Promise<T> {
  const answer = await call(path, { method: 'GET' }, options)
  if (answer.code !== undefined || answer.detail !== undefined) throw refusal(answer)
  return answer as T
}

/** What a server has noted of a request. Throws REQUEST_UNKNOWN; SERVER_SLOW where it has no verdict yet. */
export async function verdictRemotely(id: RequestId, options: Reach): Promise<Verdict> {
  const answer = await call(`/v1/deploys/${id}`, { method: 'GET' }, options)
  if (answer.verdict !== undefined) return answer as unknown as Verdict
  throw answer.id === undefined ? refusal(answer) : late(answer.id, options.server)
}

async function call(path: string, init: RequestInit, { server, identity, agent }: Reach): Promise<Answer> {
  const headers: Record<string, string> = { 'user-agent': agent, accept: 'application/json' }
  if (init.body !== undefined) headers['content-type'] = 'application/json'
  const token = await identity()
  if (token !== undefined && token !== '') headers['authorization'] = `Bearer ${token}`
  let response: Response
  try {
    response = await fetch(new URL(path, server), {
      ...init,
      headers,
      signal: AbortSignal.timeout((waitSeconds + 30) * 1000),
    })
  } catch (cause) {
    throw new MgoError(
      {
        code: 'SERVER_UNREACHABLE',
        message: `the mgo server ${server.replace(/\/\/[^/@]*@/, '//***@')} cannot be reached: ${messageOf(cause)}`,
        hint: 'Is it up, and is --server right? A request that it had accepted goes on there.',
      },
      { cause },
    )
  }
  return (await response.json().catch(() => ({ detail: `HTTP ${response.status}` }))) as Answer
}

function refusal({ code, detail, hint }: Answer): MgoError {
  const known = codes.find((one): one is Code => one === code)
  return new MgoError({
    code: known ?? 'SERVER_UNREACHABLE',
    message: detail ?? 'the server gave no answer that mgo understands',
    hint: hint ?? 'Is this a mgo server?',
  })
}

function late(id: string, server: string): MgoError {
  return new MgoError({
    code: 'SERVER_SLOW',
    message: `the server had no verdict in time; the request ${id} goes on`,
    hint: `Ask for it: curl ${server.replace(/\/\/[^/@]*@/, '//')}/v1/deploys/${id}`,
  })
}
