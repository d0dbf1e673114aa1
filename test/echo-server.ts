/**
 * Servers on loopback that repeat, in every answer that fails, what they were sent: the address, each header, the login as it
 * is and unpacked, the body. No server should; some do, and what they say ends in errors and logs.
 *
 * @module
 */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer, request, type ServerOptions } from 'node:https'
import type { AddressInfo } from 'node:net'

export type EchoServer = {
  /** `127.0.0.1:PORT` */
  readonly host: string
  /** Everything that it was sent, as it repeats it. */
  readonly heard: () => string
  close(): Promise<void>
}

/** What one kind of server says. `undefined`: it repeats what it was sent. */
export type Says = (request: IncomingMessage) => { readonly status: number; readonly body: unknown } | undefined

export type EchoOptions = {
  /** Of an answer that repeats; default: 403. */
  readonly status?: number
  /** The shape of such an answer, such as an API server's; default: the words themselves. */
  readonly shape?: (words: string) => unknown
  readonly says?: Says
  /** What it wants before anything else: `Basic realm="x"`. */
  readonly challenge?: string
  readonly tls?: ServerOptions
}

/** Starts one. */
export async function startEcho(options: EchoOptions = {}): Promise<EchoServer> {
  const heard: string[] = []
  const answer = (request: IncomingMessage, response: ServerResponse) =>
    void wordsOf(request).then((words) => {
      heard.push(words)
      reply(request, response, { ...options, words })
    })
  const server = options.tls === undefined ? createServer(answer) : createTlsServer(options.tls, answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    heard: () => heard.join('\n'),
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function wordsOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of request as AsyncIterable<Buffer>) parts.push(part)
  const { authorization = '' } = request.headers
  const [, packed = ''] = /^Basic (.*)$/.exec(authorization) ?? []
  const pair = Buffer.from(packed, 'base64').toString()
  const password = pair.slice(pair.indexOf(':') + 1)
  const said = [`${request.method} ${request.url}`, request.rawHeaders.join(' '), pair, password]
  return `you sent ${said.filter((one) => one !== '').join(', ')} ${Buffer.concat(parts).toString()}`.trim()
}

function reply(
  request: IncomingMessage,
  response: ServerResponse,
  { words, status = 403, shape = (said) => said, says, challenge }: EchoOptions & { readonly words: string },
): void {
  const wanted = challenge !== undefined && request.headers.authorization === undefined
  const answer = wanted ? undefined : says?.(request)
  const body = answer === undefined ? shape(words) : answer.body
  const type = typeof body === 'string' ? 'text/plain' : 'application/json'
  const login = wanted ? { 'www-authenticate': challenge } : {}
  response.writeHead(wanted ? 401 : (answer?.status ?? status), { 'content-type': type, ...login })
  response.end(typeof body === 'string' ? body : JSON.stringify(body))
}

/** What an API server must say before anybody asks it for something worth refusing. */
const served: Says = ({ method, url = '', headers }) => {
  const { pathname, searchParams } = new URL(url, 'https://api')
  const isHelm = /^helm/i.test(headers['user-agent'] ?? '')
  const known: Readonly<Record<string, unknown>> = {
    '/version': { major: '1', minor: '35', gitVersion: 'v1.35.0' },
    '/api': { kind: 'APIVersions', versions: ['v1'] },
    '/apis': { kind: 'APIGroupList', groups: [{ name: 'apps', versions: [{ groupVersion: 'apps/v1' }] }] },
    '/api/v1': kinds('v1', { configmaps: 'ConfigMap', secrets: 'Secret', services: 'Service' }),
    '/apis/apps/v1': kinds('apps/v1', { deployments: 'Deployment' }),
  }
  const isList = method === 'GET' && searchParams.has('limit') && !isHelm
  const body = isList ? { kind: 'List', metadata: { resourceVersion: '1' }, items: [] } : known[pathname]
  return body === undefined ? undefined : { status: 200, body }
}
function kinds(groupVersion: string, names: Readonly<Record<string, string>>) {
  const resources = Object.entries(names).map(([name, kind]) => ({ name, kind, namespaced: true, verbs: ['get'] }))
  return { kind: 'APIResourceList', groupVersion, resources }
}

/** An API server that refuses everything worth asking for. */
export const apiServer: Pick<EchoOptions, 'shape' | 'says'> = {
  shape: (message) => ({ kind: 'Status', apiVersion: 'v1', status: 'Failure', message, code: 403 }),
  says: served,
}

/** A kubeconfig for it, with a context of each user's name. `authority`: its file. */
export function kubeconfigFor(
  { host }: EchoServer,
  authority: string,
  users: Readonly<Record<string, object>>,
): string {
  const cluster = { server: `https://${host}`, 'certificate-authority': authority }
  return JSON.stringify({
    clusters: [{ name: 'x', cluster }],
    users: Object.entries(users).map(([name, user]) => ({ name, user })),
    contexts: Object.keys(users).map((name) => ({ name, context: { cluster: 'x', user: name } })),
  })
}

/** How a registry refuses. */
export const denial = (message: string) => ({ errors: [{ code: 'DENIED', message }] })

export type Said = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly text: string }
type Asking = { readonly headers: Readonly<Record<string, string>>; readonly ca: string; readonly body?: unknown }

/** Asks a server whose certificate an authority of the tests has signed; a body is sent as JSON. */
export function askTls(url: string, { headers, ca, body }: Asking): Promise<Said> {
  return new Promise((resolve, reject) => {
    const method = body === undefined ? 'GET' : 'POST'
    const sent = request(url, { method, headers, ca, agent: false }, (answer) => {
      let text = ''
      answer.on('data', (chunk: Buffer) => (text += chunk.toString()))
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text }))
    })
    sent.on('error', reject)
    sent.end(body === undefined ? undefined : JSON.stringify(body))
  })
}
