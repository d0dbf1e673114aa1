/**
 * The registry of the tests, on loopback: answers as distribution does (github.com/distribution/distribution, docs/spec),
 * with its token flow, and with faults on request.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/**
 * `no-digest`: the header is missing. `other-digest`: GET says another digest than its bytes have. `redirect`: to a place
 * that would like the password. `busy`: 429. `broken`: 500. `huge`: a manifest without end. `hang`: no answer. `late`: 404.
 */
export type RegistryFault = 'no-digest' | 'other-digest' | 'redirect' | 'busy' | 'broken' | 'huge' | 'hang' | 'late'

export type FakeRegistry = {
  /** `127.0.0.1:PORT` */
  readonly host: string
  /** Puts a manifest; gives its digest. */
  push(repository: string, tag: string, text?: string): string
  /** `basic`: it wants the password itself; `token`: a token from `realm`, which is this server unless another is named. */
  login(kind: 'none' | 'basic' | 'token', realm?: string): void
  /** For the next `times` looks at a manifest. */
  fault(kind: RegistryFault, times?: number): void
  /** Every request: method, path, and what it said in Authorization. */
  readonly seen: readonly { readonly line: string; readonly authorization: string | undefined }[]
  close(): Promise<void>
}

export const password = 'the-password-of-the-registry'
const basic = `Basic ${Buffer.from(`robot:${password}`).toString('base64')}`
const token = 'a.token.of-the-registry'

type State = {
  readonly manifests: Map<string, string>
  readonly seen: { readonly line: string; readonly authorization: string | undefined }[]
  login: { readonly kind: 'none' | 'basic' | 'token'; readonly realm: string | undefined }
  fault: { readonly kind: RegistryFault; readonly times: number }
  host: string
}

/** Starts a registry without TLS. */
export async function startRegistry(): Promise<FakeRegistry> {
  const state: State = {
    manifests: new Map(),
    seen: [],
    login: { kind: 'none', realm: undefined },
    fault: { kind: 'broken', times: 0 },
    host: '',
  }
  const server: Server = createServer((request, response) => answer(request, response, state))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  state.host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    host: state.host,
    seen: state.seen,
    push: (repository, tag, text = `{"schemaVersion":2,"of":"${repository}:${tag}"}`) => {
      state.manifests.set(`/v2/${repository}/manifests/${tag}`, text)
      return digestOf(text)
    },
    login: (kind, realm) => {
      state.login = { kind, realm }
    },
    fault: (kind, times = 1) => {
      state.fault = { kind, times }
    },
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function digestOf(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`
}

function answer(request: IncomingMessage, response: ServerResponse, state: State): void {
  const url = new URL(request.url ?? '/', 'http://registry')
  const { authorization } = request.headers
  state.seen.push({ line: `${request.method} ${url.pathname}${url.search}`, authorization })
  if (url.pathname === '/token') {
    const good = authorization === undefined || authorization === basic
    response.writeHead(good ? 200 : 401, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ token: authorization === basic ? token : `${token}-of-nobody`, expires_in: 300 }))
    return
  }
  const { kind, realm = `http://${state.host}/token` } = state.login
  const want = kind === 'basic' ? basic : kind === 'token' ? `Bearer ${token}` : authorization
  if (authorization !== want) {
    const asks = kind === 'basic' ? 'Basic realm="registry"' : `Bearer realm="${realm}",service="registry.test"`
    response.writeHead(401, { 'www-authenticate': asks, 'content-type': 'application/json' })
    response.end('{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}')
    return
  }
  const fault = state.fault.times > 0 ? state.fault.kind : undefined
  state.fault = { ...state.fault, times: state.fault.times - 1 }
  manifest({ request, response, text: state.manifests.get(url.pathname) }, fault)
}

type Asked = {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly text: string | undefined
}

function manifest({ request, response, text }: Asked, fault: RegistryFault | undefined): void {
  if (fault === 'hang') return
  if (fault === 'busy') return void response.writeHead(429, { 'retry-after': '1' }).end()
  if (fault === 'broken') return void response.writeHead(500).end()
  if (fault === 'redirect') return void response.writeHead(307, { location: 'http://127.0.0.1:1/steal' }).end()
  if (text === undefined || fault === 'late') {
    response.writeHead(404, { 'content-type': 'application/json' })
    response.end('{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}')
    return
  }
  const digest = fault === 'other-digest' ? digestOf(`${text} `) : digestOf(text)
  const silent = fault === 'no-digest' || fault === 'huge' || (fault === 'other-digest' && request.method === 'HEAD')
  response.writeHead(200, {
    'content-type': 'application/vnd.oci.image.index.v1+json',
    ...(silent ? {} : { 'docker-content-digest': digest }),
  })
  if (fault === 'huge' && request.method === 'GET') {
    const more = () => {
      while (response.write(Buffer.alloc(65_536)));
    }
    response.on('drain', more)
    more()
  } else response.end(request.method === 'HEAD' ? undefined : text)
}
