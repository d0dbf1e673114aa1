/**
 * A push as one POST to git-receive-pack: the branch's old and new commit, and the pack that `fast-import` left. It is a
 * compare-and-swap by construction, and takes a third of what `git push` takes, which asks for the refs first and packs
 * anew. What is out of the ordinary (a login that only git's helpers know, a redirect) is left to git itself.
 *
 * Format: gitprotocol-pack(5), gitprotocol-http(5).
 *
 * @module
 */
import type { Dispatcher } from 'undici'
import type { Commit } from '../release/ids.ts'
import type { Credentials } from './place.ts'

export type SendPack = {
  /** http(s), without a login in it. */
  readonly url: string
  readonly branch: string
  readonly base: Commit | undefined
  readonly next: Commit
  readonly pack: Uint8Array
  readonly credentials: Credentials | undefined
  /** The authorities that count instead of the usual ones, PEM. */
  readonly ca?: string | undefined
  /** Milliseconds until the server must have answered. */
  readonly timeoutMs: number
}

/**
 * What the server said. `unsuited`: it took nothing, and git may do better. `unclear`: nobody knows.
 * `words`: what its hooks said.
 */
export type Sent =
  | { readonly kind: 'taken' }
  | { readonly kind: 'rejected'; readonly why: string; readonly words: string }
  | { readonly kind: 'unsuited' }
  | { readonly kind: 'unclear'; readonly why: string }

/** A report is a few lines; hooks may add theirs. */
const answerBytes = 256 * 1024

/** Loading it takes as long as git's own start; what never pushes over HTTP does without. */
const library = () => import('undici')

/** Sends a pack. Never throws. */
export async function sendPack(asked: SendPack): Promise<Sent> {
  const { url, credentials, timeoutMs, ca } = asked
  try {
    const { request } = await library()
    const dispatcher = ca === undefined ? undefined : await agentFor(ca)
    const answer = await request(`${url.replace(/\/+$/, '')}/git-receive-pack`, {
      method: 'POST',
      headers: {
        'user-agent': 'git/mgo',
        'content-type': 'application/x-git-receive-pack-request',
        accept: 'application/x-git-receive-pack-result',
        ...(credentials === undefined ? {} : { authorization: basic(credentials) }),
      },
      body: body(asked),
      ...(dispatcher === undefined ? {} : { dispatcher }),
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      signal: AbortSignal.timeout(timeoutMs),
    })
    if (answer.statusCode === 200) return reportOf(await capped(answer.body))
    await answer.body.dump()
    return answer.statusCode < 500 ? { kind: 'unsuited' } : { kind: 'unclear', why: `HTTP ${answer.statusCode}` }
  } catch (error) {
    // No handshake, so nothing was sent; git may know an authority that is not known here.
    if (error instanceof Error && untrusted.test(String((error as NodeJS.ErrnoException).code)))
      return { kind: 'unsuited' }
    return { kind: 'unclear', why: error instanceof Error ? error.message : String(error) }
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

function body({ branch, base, next, pack }: SendPack): Buffer {
  const old = base ?? '0'.repeat(next.length)
  const command = `${old} ${next} refs/heads/${branch}\0report-status side-band-64k agent=git/mgo`
  const length = (Buffer.byteLength(command) + 4).toString(16).padStart(4, '0')
  return Buffer.concat([Buffer.from(`${length}${command}0000`), pack])
}

async function capped(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const kept: Buffer[] = []
  let size = 0
  for await (const chunk of chunks) {
    size += chunk.length
    if (size > answerBytes) throw new Error('the git server’s answer has no end')
    kept.push(chunk)
  }
  return Buffer.concat(kept)
}

/** Reads the report, inside a side band or plain. A report that breaks off says nothing. */
export function reportOf(answer: Buffer): Sent {
  const bands: readonly Buffer[][] = [[], [], [], []]
  for (const line of packets(answer)) {
    const band = line[0] ?? 0
    if (band >= 1 && band <= 3) bands[band]?.push(line.subarray(1))
    else bands[1]?.push(framed(line))
  }
  const text = (band: 1 | 2 | 3) => Buffer.concat(bands[band] ?? []).toString('utf8')
  const lines = packets(Buffer.from(text(1), 'utf8')).map((line) => line.toString('utf8').trim())
  const words = text(2)
  const [unpack, ...refs] = lines
  if (unpack === undefined) return { kind: 'unclear', why: text(3) || 'the git server gave no report' }
  // fast-import leaves out what the mirror holds already, also from a push that never went through: git packs it anew.
  if (unpack !== 'unpack ok') return { kind: 'unsuited' }
  const [ref] = refs
  if (ref === undefined) return { kind: 'unclear', why: 'the git server’s report breaks off' }
  if (ref.startsWith('ok ')) return { kind: 'taken' }
  if (/missing necessary objects/.test(ref)) return { kind: 'unsuited' }
  return { kind: 'rejected', why: ref.replace(/^ng \S+ ?/, '') || 'rejected', words }
}

/** The payloads of pkt-lines, up to the first that is none; flush packets are left out. */
function packets(bytes: Buffer): readonly Buffer[] {
  const found: Buffer[] = []
  for (let at = 0; at + 4 <= bytes.length; ) {
    const head = bytes.toString('latin1', at, at + 4)
    const length = /^[0-9a-f]{4}$/i.test(head) ? Number.parseInt(head, 16) : Number.NaN
    if (length === 0) {
      at += 4
      continue
    }
    if (!(length >= 4) || at + length > bytes.length) break
    found.push(bytes.subarray(at + 4, at + length))
    at += length
  }
  return found
}

function framed(line: Buffer): Buffer {
  return Buffer.concat([Buffer.from((line.length + 4).toString(16).padStart(4, '0')), line])
}
