/**
 * The way out for a helm that pulls: a proxy on loopback, for this one helm. It looks up each host that helm wants to call,
 * wherever a redirect or an index sends it, refuses the machine's own link, and connects to the very addresses that it
 * looked at, so that a name which changes its mind gains nothing. What is encrypted goes through as it is.
 *
 * @module
 */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, request as ask, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type LookupFunction, type Socket } from 'node:net'
import { MgoError } from '../error.ts'
import { addressesOf, type Address, type Lookup } from './link-name.ts'

export type Egress = {
  /** What helm is given so that it goes this way. Loopback it calls directly. */
  readonly env: Readonly<Record<string, string>>
  /** Why the first host was refused, if any was. */
  refused(): MgoError | undefined
  close(): void
}

type Way = { readonly host: string; readonly port: number; readonly lookup: LookupFunction }
/** Throws why a host is not called. */
type Find = (url: URL, port: number) => Promise<Way>

const host = '127.0.0.1'

/** Opens one. Without its password, which only `env` has, it serves nobody. */
export async function openEgress(lookup?: Lookup): Promise<Egress> {
  const password = randomBytes(24).toString('base64url')
  const isKnown = knower(password)
  const sockets = new Set<Socket>()
  let refused: MgoError | undefined
  const find: Find = async ({ hostname }, port) => {
    const found = await addressesOf(hostname, lookup).catch((error: unknown) => {
      if (error instanceof MgoError) refused ??= error
      throw error
    })
    return { host: hostname.replace(/^\[|\]$/g, ''), port, lookup: only(found) }
  }
  const server = createServer((request, response) => {
    if (isKnown(request)) void pass(request, response, find)
    else response.writeHead(407).end()
  })
  server.on('connection', (socket) => hold(socket, sockets))
  server.on('connect', (request, socket: Socket, head) => {
    if (isKnown(request)) void tunnel({ request, socket, head }, find, sockets)
    else socket.end('HTTP/1.1 407 who are you\r\n\r\n')
  })
  const port = await listening(server)
  return {
    env: through(`http://mgo:${password}@${host}:${port}`),
    refused: () => refused,
    close: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** Go reads the large ones first, then the small ones; a list of exceptions would lead past it. */
function through(proxy: string): Record<string, string> {
  const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy']
  return { ...Object.fromEntries(names.map((name) => [name, proxy])), NO_PROXY: '', no_proxy: '' }
}

function knower(password: string): (request: IncomingMessage) => boolean {
  const wanted = Buffer.from(`Basic ${Buffer.from(`mgo:${password}`).toString('base64')}`)
  return ({ headers }) => {
    const given = Buffer.from(headers['proxy-authorization'] ?? '')
    return given.length === wanted.length && timingSafeEqual(given, wanted)
  }
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, host, resolve)).catch(
    (cause: Error) => {
      const message = `helm could not be given its way out: ${cause.message}`
      const hint = 'Let mgo open more files (LimitNOFILE of systemd, or ulimit -n).'
      throw new MgoError({ code: 'PROGRAM_FAILED', message, hint }, { cause })
    },
  )
  return (server.address() as AddressInfo).port
}

function hold(socket: Socket, sockets: Set<Socket>): void {
  sockets.add(socket)
  socket.on('error', () => socket.destroy())
  socket.once('close', () => sockets.delete(socket))
}

function only(found: readonly Address[]): LookupFunction {
  return (name, options, callback) => {
    const [first] = found
    if (first === undefined) callback(new Error(`no such host: ${name}`), '', 4)
    else if (options.all === true) callback(null, [...found])
    else callback(null, first.address, first.family)
  }
}

type Call = { readonly request: IncomingMessage; readonly socket: Socket; readonly head: Buffer }

/** CONNECT, for whatever speaks TLS. */
async function tunnel({ request, socket, head }: Call, find: Find, sockets: Set<Socket>): Promise<void> {
  const refuse = (error: unknown) => void socket.end(`HTTP/1.1 ${status(error)}\r\n\r\n`)
  try {
    const url = new URL(`https://${request.url}`)
    const way = connect(await find(url, Number(url.port || 443)))
    hold(way, sockets)
    way.once('error', refuse)
    way.once('connect', () => {
      way.off('error', refuse)
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      way.write(head)
      socket.pipe(way).pipe(socket)
    })
    way.once('close', () => socket.destroySoon())
    socket.once('close', () => way.destroy())
  } catch (error) {
    refuse(error)
  }
}

/** A request in the clear, which names the whole address. */
async function pass(request: IncomingMessage, response: ServerResponse, find: Find): Promise<void> {
  const refuse = (error: unknown) => {
    const [code, ...words] = status(error).split(' ')
    if (!response.headersSent) response.writeHead(Number(code), words.join(' ')).end()
    else response.destroy()
  }
  try {
    const url = new URL(request.url ?? '')
    if (url.protocol !== 'http:') throw new Error('only what is in the clear comes here')
    const { 'proxy-authorization': _, 'proxy-connection': __, ...given } = request.headers
    const headers = { ...given, host: url.host }
    const way = await find(url, Number(url.port || 80))
    const path = `${url.pathname}${url.search}`
    const onward = ask({ ...way, path, method: request.method, headers, agent: false }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.statusMessage, answer.headers)
      answer.once('error', () => response.destroy())
      answer.pipe(response)
    })
    onward.once('error', refuse)
    response.once('close', () => onward.destroy())
    request.pipe(onward)
  } catch (error) {
    refuse(error)
  }
}

const words: Readonly<Record<string, string>> = {
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'no such host',
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EHOSTUNREACH: 'no route to host',
  ETIMEDOUT: 'i/o timeout',
}

/** Helm repeats it, and what helm says is put into an error by its words (error.ts). */
function status(error: unknown): string {
  if (error instanceof MgoError) return '403 Forbidden by mgo'
  const code = (error as NodeJS.ErrnoException).code ?? ''
  return `502 ${words[code] ?? 'Bad Gateway'}`
}
