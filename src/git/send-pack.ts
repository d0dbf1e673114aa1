/**
 * A push as one POST to git-receive-pack: the branch's old and new commit, and the pack that `fast-import` left. It is a
 * compare-and-swap by construction, and takes a third of what `git push` takes, which asks for the refs first and packs
 * anew.
 *
 * Format: gitprotocol-pack(5).
 *
 * @module
 */
import type { Commit } from '../release/ids.ts'
import { bandsOf, flush, framed, packets } from './pkt-line.ts'
import { post, type SmartHttp } from './smart-http.ts'

export type SendPack = SmartHttp & {
  readonly branch: string
  readonly base: Commit | undefined
  readonly next: Commit
  readonly pack: Uint8Array
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

/** Sends a pack. Never throws. */
export async function sendPack(asked: SendPack): Promise<Sent> {
  const { timeoutMs } = asked
  const question = { service: 'git-receive-pack', body: body(asked), timeoutMs, mostBytes: answerBytes } as const
  const answer = await post(asked, question)
  return answer.kind === 'answer' ? reportOf(answer.bytes) : answer
}

function body({ branch, base, next, pack }: SendPack): Buffer {
  const old = base ?? '0'.repeat(next.length)
  const command = `${old} ${next} refs/heads/${branch}\0report-status side-band-64k agent=git/mgo`
  return Buffer.concat([framed(command), Buffer.from(flush), pack])
}

/** Reads the report, inside a side band or plain. A report that breaks off says nothing. */
export function reportOf(answer: Buffer): Sent {
  const [plain, banded, ...said] = bandsOf(packets(answer))
  const [words, last] = said.map((band) => Buffer.concat(band).toString('utf8'))
  const report = Buffer.concat(banded.length > 0 ? banded : plain.map(framed))
  const lines = packets(report).map((line) => line.toString('utf8').trim())
  const [unpack, ...refs] = lines
  if (unpack === undefined) return { kind: 'unclear', why: last || 'the git server gave no report' }
  // fast-import leaves out what the mirror holds already, also from a push that never went through: git packs it anew.
  if (unpack !== 'unpack ok') return { kind: 'unsuited' }
  const [ref] = refs
  if (ref === undefined) return { kind: 'unclear', why: 'the git server’s report breaks off' }
  if (ref.startsWith('ok ')) return { kind: 'taken' }
  if (/missing necessary objects/.test(ref)) return { kind: 'unsuited' }
  return { kind: 'rejected', why: ref.replace(/^ng \S+ ?/, '') || 'rejected', words: words ?? '' }
}
