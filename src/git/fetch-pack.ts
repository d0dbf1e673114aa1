/**
 * A fetch of what is new on one branch as two POSTs to git-upload-pack: where the branch is, and the pack from a commit that is here to
 * that one. `git fetch` takes twice as long, for it starts three programs for it. Whoever pushes meanwhile wins, so it counts.
 *
 * Format: gitprotocol-v2(5).
 *
 * @module
 */
import { type Commit, parseCommit } from '../release/ids.ts'
import { bandsOf, delimiter, flush, framed, packets } from './pkt-line.ts'
import { type Answer, post, type SmartHttp } from './smart-http.ts'

export type FetchPack = SmartHttp & {
  readonly branch: string
  /** Commits that are here with all that they lead to; one at least. */
  readonly haves: readonly [Commit, ...Commit[]]
  /** Milliseconds until the server must have answered. */
  readonly timeoutMs: number
}

/** `pack`: what is missing here, where something is. `unsuited`: git may do better. `unclear`: it may go well another time. */
export type Fetched =
  | { readonly kind: 'fetched'; readonly tip: Commit; readonly pack: Buffer | undefined }
  | Exclude<Answer, { kind: 'answer' }>

/** One line for each branch whose name begins like ours. */
const listBytes = 256 * 1024
/** What others push between two looks is far smaller; a larger pack is git's, which streams it. */
const packBytes = 8 * 1024 * 1024

/** Asks for what is new. Never throws. */
export async function fetchPack(asked: FetchPack): Promise<Fetched> {
  const { branch, haves, timeoutMs } = asked
  const begunMs = performance.now()
  const common = { service: 'git-upload-pack', version: 2 } as const
  const format = `object-format=${haves[0].length === 64 ? 'sha256' : 'sha1'}`
  const list = command('ls-refs', format, [`ref-prefix refs/heads/${branch}`])
  const listed = await post(asked, { ...common, body: list, timeoutMs, mostBytes: listBytes })
  const found = listed.kind === 'answer' ? tipIn(listed.bytes, branch) : listed
  if (found.kind !== 'fetched' || haves.includes(found.tip)) return found
  const wanted = [...options, `want ${found.tip}`, ...haves.map((have) => `have ${have}`), 'done']
  const leftMs = Math.max(1, Math.ceil(timeoutMs - (performance.now() - begunMs)))
  const body = command('fetch', format, wanted)
  const packed = await post(asked, { ...common, body, timeoutMs: leftMs, mostBytes: packBytes })
  return packed.kind === 'answer' ? packIn(packed.bytes, found.tip) : packed
}

const options = ['thin-pack', 'ofs-delta', 'no-progress']

function command(name: string, format: string, args: readonly string[]): Buffer {
  const lines = (texts: readonly string[]) => texts.map((text) => framed(`${text}\n`))
  const head = lines([`command=${name}`, 'agent=git/mgo', format])
  return Buffer.concat([...head, Buffer.from(delimiter), ...lines(args), Buffer.from(flush)])
}

/** Where an answer to ls-refs says that a branch is. A server that does not know the second version of the protocol answers otherwise. */
export function tipIn(answer: Buffer, branch: string): Fetched {
  const lines = packets(answer).map((line) => line.toString('utf8').trimEnd())
  if (!isWhole(answer) || lines.some((line) => !/^[0-9a-f]{40,64} /.test(line))) return { kind: 'unsuited' }
  const line = lines.find((one) => one.split(' ')[1] === `refs/heads/${branch}`)
  const tip = parseCommit(line?.split(' ')[0] ?? '')
  // That a branch is gone is grave, and for git to say.
  return tip === undefined ? { kind: 'unclear', why: `no branch ${branch}` } : { kind: 'fetched', tip, pack: undefined }
}

/** The pack in an answer to fetch. */
export function packIn(answer: Buffer, tip: Commit): Fetched {
  const [section, ...lines] = packets(answer)
  const words = section?.toString('utf8').trim()
  if (words !== 'packfile') return { kind: 'unclear', why: words?.slice(0, 200) ?? 'the git server sent no pack' }
  const [, pack, , last] = bandsOf(lines).map((band) => Buffer.concat(band))
  if (last !== undefined && last.length > 0) return { kind: 'unclear', why: last.toString('utf8').slice(0, 200) }
  if (!isWhole(answer) || pack === undefined || objectsIn(pack) === undefined)
    return { kind: 'unclear', why: 'the git server’s pack breaks off' }
  return { kind: 'fetched', tip, pack }
}

function isWhole(answer: Buffer): boolean {
  return answer.toString('latin1', answer.length - flush.length) === flush
}

/** How many objects a pack says that it holds (gitformat-pack(5)); `undefined`: it is none. */
export function objectsIn(pack: Buffer): number | undefined {
  return pack.toString('latin1', 0, 4) === 'PACK' && pack.length >= 12 ? pack.readUInt32BE(8) : undefined
}
