/**
 * The way out for helm while it pulls a chart: a proxy on loopback that looks at the very address before it connects, so that
 * no redirect, no index and no name that changes leads to the machine's own link, where clouds hand out credentials.
 *
 * TLS goes through it as it is. What helm itself takes for loopback does not come this way.
 *
 * @module
 */
import { randomBytes } from 'node:crypto'
import { lookup, type LookupAddress, type LookupAllOptions } from 'node:dns'
import { createServer, type IncomingMessage, request as ask, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, isIPv6, type LookupFunction, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { MgoError } from '../error.ts'
import { isLinkAddress } from '../manifest/inner-address.ts'

export type WayOut = {
  /** For the environment of helm. */
  readonly env: Readonly<Record<string, string>>
  /** The first address that nobody was let through to. */
  readonly refused: () => string | undefined
  close(): Promise<void>
}

/** Whether somebody has set a proxy, in the spellings that helm knows. */
export function hasProxy(env: Readonly<Record<string, string | undefined>>): boolean {
  return ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'https_proxy'].some((name) => (env[name] ?? '') !== '')
}

/** Finds all addresses of a name. */
type Find = (
  name: string,
  options: LookupAllOptions,
  done: (error: NodeJS.ErrnoException | null, found: LookupAddress[]) => void,
) => void

function crowded(cause: unknown): MgoError {
  const message = `helm could not be given its way out: ${(cause as Error).message}`
  const hint = 'Let mgo open more files (LimitNOFILE of systemd, or ulimit -n).'
  return new MgoError({ code: 'PROGRAM_FAILED', message, hint }, { cause })
}

/** Opens it, for whoever has its password. `find` is given by tests. */
export async function openWayOut(find: Find = lookup): Promise<WayOut> {
  const login = `mgo:${randomBytes(24).toString('hex')}`
  const wanted = `Basic ${Buffer.from(login).toString('base64')}`
  let refused: string | undefined
  const open = new Set<Socket>()
  const check = (address: string): string | undefined => {
    if (!isLink(address)) return undefined
    refused ??= address
    return `${address} is of the machine's own link`
  }
  const look = looking(check, find)
  const isKnown = ({ headers }: IncomingMessage) => headers['proxy-authorization'] === wanted
  const server = createServer((request, response) =>
    isKnown(request) ? pass(request, response, { check, look }) : response.writeHead(407).end(),
  )
  server.on('connect', (request: IncomingMessage, caller: Duplex, head: Buffer) => {
    caller.on('error', () => caller.destroy())
    if (isKnown(request)) tunnel(request.url ?? '', { caller, head, check, look, open })
    else caller.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')
  })
  server.on('connection', (caller: Socket) => {
    open.add(caller)
    caller.once('close', () => open.delete(caller))
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve)).catch(
    (cause: unknown) => {
      throw crowded(cause)
    },
  )
  const url = `http://${login}@127.0.0.1:${(server.address() as AddressInfo).port}`
  const env = Object.fromEntries(['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy'].map((name) => [name, url]))
  return { env: { ...env, NO_PROXY: '', no_proxy: '' }, refused: () => refused, close: () => close(server, open) }
}

function close(server: Server, open: ReadonlySet<Socket>): Promise<void> {
  for (const one of open) one.destroy()
  return new Promise((resolve) => server.close(() => resolve()))
}

function isLink(address: string): boolean {
  return isLinkAddress(`http://${isIPv6(address) ? `[${address}]` : address}/`)
}

/** Why nobody is let through to an address. */
type Check = (address: string) => string | undefined

/** Looks a name up, and at each of its addresses: what is connected to is one of these. */
function looking(check: Check, find: Find): LookupFunction {
  return (name, options, done) =>
    find(name, { ...options, all: true }, (error, found) => {
      const why = found?.map(({ address }) => check(address)).find((one) => one !== undefined)
      if (why !== undefined) return done(new Error(why), [])
      if (options.all === true || error !== null) return done(error, found ?? [])
      done(null, found[0]?.address ?? '', found[0]?.family)
    })
}

/** An address is looked up by nobody, and a name has none yet: one of the two meets each. */
type Guards = { readonly check: Check; readonly look: LookupFunction }

type Tunnel = Guards & {
  readonly caller: Duplex
  readonly head: Buffer
  readonly open: Set<Socket>
}

function tunnel(place: string, { caller, head, check, look, open }: Tunnel): void {
  const { hostname, port } = URL.canParse(`http://${place}`) ? new URL(`http://${place}`) : { hostname: '', port: '' }
  const host = hostname.replace(/^\[|\]$/g, '')
  if (host === '' || check(host) !== undefined) return void caller.end('HTTP/1.1 403 Forbidden\r\n\r\n')
  const there = connect({ host, port: Number(port || 80), lookup: look })
  open.add(there)
  there.once('close', () => open.delete(there))
  there.once('connect', () => {
    caller.write('HTTP/1.1 200 Connection established\r\n\r\n')
    there.write(head)
    there.pipe(caller)
    caller.pipe(there)
  })
  // In the middle of somebody's TLS there is nothing to say.
  there.once('error', () => (there.bytesRead > 0 ? caller.destroy() : caller.end('HTTP/1.1 502 Bad Gateway\r\n\r\n')))
  caller.once('close', () => there.destroy())
}

function pass(request: IncomingMessage, response: ServerResponse, { check, look }: Guards): void {
  const url = URL.canParse(request.url ?? '') ? new URL(request.url ?? '') : undefined
  const host = url?.hostname.replace(/^\[|\]$/g, '')
  if (url?.protocol !== 'http:' || host === undefined || check(host) !== undefined)
    return void response.writeHead(403).end()
  const { 'proxy-authorization': _, 'proxy-connection': __, ...headers } = request.headers
  const { method = 'GET' } = request
  const options = { method, host, port: url.port || 80, path: `${url.pathname}${url.search}`, headers }
  const sent = ask({ ...options, lookup: look, agent: false }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers)
    answer.pipe(response)
    answer.once('error', () => response.destroy())
  })
  response.once('close', () => sent.destroy())
  sent.once('error', () => (response.headersSent ? response.destroy() : response.writeHead(502).end()))
  request.pipe(sent)
}
