/**
 * One question to a git server over http(s), asked without a program. What is out of the ordinary (a login that only git's helpers
 * know, a redirect) is left to git itself.
 *
 * Format: gitprotocol-http(5).
 *
 * @module
 */
import { messageOf } from '../error.ts'
import type { Dispatcher } from 'undici'
import type { Credentials } from './place.ts'

/** A git server that mgo may ask by itself. */
export type SmartHttp = {
  /** http(s), without a login in it. */
  readonly url: string
  readonly credentials: Credentials | undefined
  /** The authorities that count instead of the usual ones, PEM. */
  readonly ca?: string | undefined
}

export type Question = {
  readonly service: 'git-receive-pack' | 'git-upload-pack'
  readonly body: Uint8Array
  /** The version of the protocol, where it is not the first. */
  readonly version?: 2
  /** Milliseconds until the server must have answered. */
  readonly timeoutMs: number
  /** An answer that is longer has no end. */
  readonly mostBytes: number
}

/** `unsuited`: the server took nothing, and git may do better. `unclear`: nobody knows. */
export type Answer =
  | { readonly kind: 'answer'; readonly bytes: Buffer }
  | { readonly kind: 'unsuited' }
  | { readonly kind: 'unclear'; readonly why: string }

/** Loading it takes as long as git's own start; what never goes over HTTP does without. */
const library = () => import('undici')

/** Asks. Never throws. */
export async function post({ url, credentials, ca }: SmartHttp, question: Question): Promise<Answer> {
  const { service, body, version, timeoutMs, mostBytes } = question
  try {
    const { request } = await library()
    const dispatcher = ca === undefined ? undefined : await agentFor(ca)
    const answer = await request(`${url.replace(/\/+$/, '')}/${service}`, {
      method: 'POST',
      headers: {
        'user-agent': 'git/mgo',
        'content-type': `application/x-${service}-request`,
        accept: `application/x-${service}-result`,
        ...(version === undefined ? {} : { 'git-protocol': `version=${version}` }),
        ...(credentials === undefined ? {} : { authorization: basic(credentials) }),
      },
      body,
      ...(dispatcher === undefined ? {} : { dispatcher }),
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      signal: AbortSignal.timeout(timeoutMs),
    })
    if (answer.statusCode === 200) return { kind: 'answer', bytes: await capped(answer.body, mostBytes) }
    await answer.body.dump()
    return answer.statusCode < 500 ? { kind: 'unsuited' } : { kind: 'unclear', why: `HTTP ${answer.statusCode}` }
  } catch (error) {
    // No handshake, so nothing was sent; git may know an authority that is not known here.
    if (error instanceof Error && untrusted.test(String((error as NodeJS.ErrnoException).code)))
      return { kind: 'unsuited' }
    return { kind: 'unclear', why: messageOf(error) }
  }
}

/** nodejs.org/api/tls.html, "X509 certificate error codes". */
const untrusted = /^(?:SELF_SIGNED_CERT|DEPTH_ZERO_SELF_SIGNED|UNABLE_TO_(?:GET|VERIFY)|CERT_|ERR_TLS_CERT|INVALID_CA)/

/** One for each set of authorities: its connections are kept. */
const agents = new Map<string, Dispatcher>()

async function agentFor(ca: string): Promise<Dispatcher> {
  const { Agent } = await library()
  const agent = agents.get(ca) ?? new Agent({ allowH2: false, connect: { ca } })
  agents.set(ca, agent)
  return agent
}

function basic({ username, password }: Credentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}

async function capped(chunks: AsyncIterable<Buffer>, mostBytes: number): Promise<Buffer> {
  const kept: Buffer[] = []
  let size = 0
  for await (const chunk of chunks) {
    size += chunk.length
    if (size > mostBytes) throw new Error('the git server’s answer has no end')
    kept.push(chunk)
  }
  return Buffer.concat(kept)
}
