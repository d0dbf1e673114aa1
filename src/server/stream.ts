/**
 * Events as server-sent events (html.spec.whatwg.org, 9.2): of one deploy until its verdict, or all of them. A reader that
 * comes back with Last-Event-ID misses nothing; one that does not read is let go.
 *
 * @module
 */
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { z } from 'zod'
import type { Overview } from '../deploy/overview.ts'
import { MgoError } from '../error.ts'
import type { Told } from '../event/event.ts'
import type { RequestId } from '../release/ids.ts'
import { byId, idOf, known } from './answer.ts'
import { failure } from './shapes.ts'
import { callerOf } from './auth.ts'
import type { Caller } from './caller.ts'
import { clusterWord } from './deploy.ts'
import type { Desk } from './desk.ts'
import { eventShape } from './event-shape.ts'
import type { Hub } from './hub.ts'
import type { EventMemory, Known, Numbered } from './memory.ts'
import { addRoute } from './route.ts'
import { type Seeing, seeingFor, veiled } from './seeing.ts'

export type StreamOptions = {
  readonly desk: Pick<Desk, 'verdict'>
  readonly hub: Hub
  readonly overview: Pick<Overview, 'lastTip' | 'fed'>
  readonly memory: Pick<EventMemory, 'firstEvent' | 'lastEvent'>
  /** Streams at once at most. */
  readonly most?: number
  /** Milliseconds that a reader may take nothing in; then it is let go. */
  readonly stalledMs?: number
}

const answers = {
  200: {
    means: 'Server-sent events: `event` is the kind, `data` JSON, `id` the number to come back with.',
    contents: [{ type: 'text/event-stream', data: eventShape }],
  },
  default: failure,
} as const
const headers = { 'Last-Event-ID': 'The number of the last event that is known: the stream goes on after it.' }

const ofOne = {
  method: 'GET',
  path: '/v1/deploys/{id}/events',
  name: 'followDeploy',
  does: 'What happens to one request, until its verdict.',
  params: byId,
  headers,
  answers,
} as const

const ofEverything = {
  method: 'GET',
  path: '/v1/events',
  name: 'follow',
  does: 'What happens, as it happens, as far as the caller may read it.',
  query: z.object({ cluster: clusterWord.optional().describe('Only on this cluster.') }),
  headers,
  answers,
} as const

/** Adds `GET /v1/deploys/{id}/events` and `GET /v1/events`. */
export function streamRoutes(app: FastifyInstance, options: StreamOptions): void {
  const { desk, hub, memory } = options
  const stream = streams(options)
  addRoute(app, ofOne, async ({ params, request, reply }) => {
    const caller = callerOf(request)
    const id = idOf(params)
    const found = await known(id, desk, caller)
    const first = await memory.firstEvent(id)
    if (first === undefined && found.verdict !== undefined)
      return stream(reply, caller, () => only(ending(found, caller)))
    const after = first === undefined ? await memory.lastEvent() : first - 1
    const of = { request: id, cluster: found.request.cluster }
    const course = { id, desk, caller, seen: lastSeen(request.headers) ?? 0 }
    return stream(reply, caller, (stop) => ofDeploy(hub.follow(after, of, stop), course))
  })
  addRoute(app, ofEverything, async ({ query: { cluster }, request, reply }) => {
    const caller = callerOf(request)
    const after = lastSeen(request.headers) ?? (await memory.lastEvent())
    const seeing = seeingFor({ caller, desk, overview: options.overview, cluster })
    return stream(reply, caller, (stop) => ofAll(hub.follow(after, {}, stop), seeing))
  })
}

type Texts = AsyncGenerator<string>

/** Sends a stream, as long as there are not too many. */
function streams({ most = 200, stalledMs = 15_000 }: StreamOptions) {
  let open = 0
  return async (reply: FastifyReply, caller: Caller, texts: (stop: AbortSignal) => Texts): Promise<FastifyReply> => {
    if (open >= most) throw tooMany(most)
    open++
    const stop = new AbortController()
    reply.raw.once('close', () => stop.abort())
    // Who was let in once is not let in for ever: a stream ends with the credential that opened it.
    caller.ended().addEventListener('abort', () => stop.abort())
    void reply.hijack()
    reply.raw.writeHead(200, {
      ...reply.getHeaders(),
      'content-type': 'text/event-stream; charset=utf-8',
    } as OutgoingHttpHeaders)
    try {
      reply.raw.write(`retry: 2000\n\n`)
      for await (const text of texts(stop.signal)) if (!(await written(text, reply.raw, stalledMs))) break
      reply.raw.end()
    } catch {
      reply.raw.destroy()
    } finally {
      stop.abort()
      open--
    }
    return reply
  }
}

/** Whether a reader still reads: one that takes nothing in for a while is cut off, never waited for. */
async function written(text: string, response: ServerResponse, stalledMs: number): Promise<boolean> {
  if (response.destroyed) return false
  if (response.write(text)) return true
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const timer = setTimeout(() => resolve(false), stalledMs)
  response.once('drain', () => resolve(true)).once('close', () => resolve(false))
  const reads = await promise
  clearTimeout(timer)
  if (!reads) response.destroy()
  return reads
}

type Course = {
  readonly id: RequestId
  readonly desk: Pick<Desk, 'verdict'>
  readonly caller: Caller
  readonly seen: number
}

/** One deploy: what is about it and about its releases, until its verdict. */
async function* ofDeploy(events: AsyncGenerator<readonly Numbered[]>, { id, desk, caller, seen }: Course): Texts {
  let releases: ReadonlySet<string> = new Set()
  for await (const some of events) {
    if (some.length === 0) {
      yield beat
      // Where the disk took no events for a while the end is known all the same.
      const now = await desk.verdict(id, 0)
      if (now?.verdict === undefined) continue
      yield ending(now, caller)
      return
    }
    for (const one of some) {
      const { seq, told } = one
      if (told.kind === 'committed' || told.kind === 'unchanged') releases = new Set(told.releases)
      if (seq > seen && isOf(told, releases)) yield show(one, veiled(told, caller))
      if (told.kind === 'finished' && told.verdict.id === id) return
    }
  }
}

/** Milliseconds of silence after which a reader is told that the stream is still there. */
const silenceMs = 15_000

/** What a reader may hear of everything. Events that are not for them are silence, too. */
async function* ofAll(events: AsyncGenerator<readonly Numbered[]>, seeing: Seeing): Texts {
  let saidMs = performance.now()
  for await (const some of events) {
    let text = ''
    for (const one of some) {
      const heard = await seeing(one.told)
      if (heard !== undefined) text += show(one, heard)
    }
    // What came together is written together: with many readers, writing is what costs.
    if (text !== '') yield text
    else if (some.length === 0 || performance.now() - saidMs > silenceMs) yield beat
    else continue
    saidMs = performance.now()
  }
}

async function* only(text: string): Texts {
  yield text
}

/** A comment: it keeps proxies from ending the connection. */
const beat = ': still there\n\n'

/** What one reader hears as it was told, others hear, too: it is put into words once. */
const words = new WeakMap<Numbered, string>()

function show(one: Numbered, heard: Told): string {
  const known = heard === one.told ? words.get(one) : undefined
  if (known !== undefined) return known
  const text = `id: ${one.seq}\nevent: ${heard.kind}\ndata: ${JSON.stringify(heard)}\n\n`
  if (heard === one.told) words.set(one, text)
  return text
}

function ending({ verdict, request }: Known, caller: Caller): string {
  const shown = verdict === undefined ? undefined : caller.shown(verdict)
  return `event: finished\ndata: ${JSON.stringify({ kind: 'finished', verdict: shown, request })}\n\n`
}

/** What happens on the cluster is told of the deploy's own releases only. */
function isOf(told: Told, releases: ReadonlySet<string>): boolean {
  switch (told.kind) {
    case 'applying':
    case 'applied':
    case 'waiting':
      return releases.has(told.unit)
    case 'judged':
      return releases.has(told.release.release)
    case 'planned':
    case 'note':
    case 'pushed':
      return false
    case 'accepted':
    case 'committed':
    case 'unchanged':
    case 'finished':
      return true
  }
}

function lastSeen(heads: IncomingHttpHeaders): number | undefined {
  const text = String(heads['last-event-id'] ?? '')
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined
}

function tooMany(most: number): MgoError {
  return new MgoError({
    code: 'TOO_MANY_STREAMS',
    message: `${most} event streams are open already`,
    hint: 'Close some, or ask for the verdict with ?wait=.',
  })
}
