/**
 * Chart repositories of the tests, on loopback: an index.yaml with archives over HTTP, and an OCI registry that answers as
 * distribution does (github.com/opencontainers/distribution-spec), with its token flow; both with faults on request.
 *
 * @module
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { put } from './git-server.ts'

/**
 * `no-index`: 404 for index.yaml. `torn`: archives and blobs are cut in half. `cut`: the connection breaks in the middle of
 * one. `broken`: 500. `redirect`: archives and blobs are elsewhere (`elsewhere` is given the request).
 */
export type ChartFault = 'none' | 'no-index' | 'torn' | 'cut' | 'broken' | 'redirect'

export type ChartServer = {
  /** `127.0.0.1:PORT` */
  readonly host: string
  /** The repository with an index. */
  readonly url: string
  /** Every request that was made, with what it said in Authorization. */
  readonly seen: { readonly line: string; readonly authorization: string | undefined }[]
  login(wanted: boolean): void
  fault(kind: ChartFault): void
  close(): Promise<void>
}

const chartUser = 'robot'
export const chartPassword = 'the-password-of-the-charts'
const basic = `Basic ${Buffer.from(`${chartUser}:${chartPassword}`).toString('base64')}`
const token = 'a.token.of-the-charts'

type Blob = { readonly type: string; readonly bytes: Buffer }
type State = {
  readonly index: Buffer
  readonly archives: ReadonlyMap<string, Buffer>
  /** By path below /v2/. */
  readonly blobs: ReadonlyMap<string, Blob>
  readonly seen: ChartServer['seen']
  host: string
  login: boolean
  fault: ChartFault
}

/** Makes the archives of a chart with the real helm, in these versions, and serves them. `files`: the chart's own. */
export async function startCharts(
  helm: string,
  files: Readonly<Record<string, string>>,
  versions: readonly string[],
): Promise<ChartServer> {
  const made = packages(helm, files, versions)
  const state: State = { ...made, seen: [], host: '', login: false, fault: 'none' }
  const server = createServer((request, response) => answer(request, response, state))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  state.host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    host: state.host,
    url: `http://${state.host}/charts`,
    seen: state.seen,
    login: (wanted) => {
      state.login = wanted
    },
    fault: (kind) => {
      state.fault = kind
    },
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Writes the two files that `helm repo add` and `helm registry login` write. Gives the environment that names them. */
export function chartLoginFiles(
  folder: string,
  { url, host }: Pick<ChartServer, 'url' | 'host'>,
  password: string,
): Record<string, string> {
  const [repositories, registries] = [join(folder, 'repositories.yaml'), join(folder, 'registry.json')]
  const one = { name: 'x', url: `${url}/`, username: chartUser, password }
  writeFileSync(repositories, JSON.stringify({ apiVersion: '', repositories: [one] }), { mode: 0o600 })
  const auth = Buffer.from(`${chartUser}:${password}`).toString('base64')
  writeFileSync(registries, JSON.stringify({ auths: { [host]: { auth } } }), { mode: 0o600 })
  return { HELM_REPOSITORY_CONFIG: repositories, HELM_REGISTRY_CONFIG: registries }
}

type Made = Pick<State, 'index' | 'archives' | 'blobs'>

function packages(helm: string, files: Readonly<Record<string, string>>, versions: readonly string[]): Made {
  const folder = mkdtempSync(join(tmpdir(), 'mgo-charts-'))
  const run = (...args: readonly string[]) => {
    const ran = spawnSync(helm, args, { cwd: folder, env: { HOME: folder }, encoding: 'utf8' })
    if (ran.status !== 0) throw new Error(`helm ${args.join(' ')}: ${ran.stderr}`)
  }
  try {
    put(join(folder, 'shop'), files)
    mkdirSync(join(folder, 'out'))
    for (const version of versions) run('package', 'shop', '--version', version, '--destination', 'out')
    run('repo', 'index', 'out')
    const archives = new Map(versions.map((one) => [one, readFileSync(join(folder, 'out', `shop-${one}.tgz`))]))
    return { index: readFileSync(join(folder, 'out', 'index.yaml')), archives, blobs: registry(archives) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const types = {
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.cncf.helm.config.v1+json',
  layer: 'application/vnd.cncf.helm.chart.content.v1.tar+gzip',
}

/** What `helm push` leaves in a registry: a manifest by tag and by digest, its config, the archive as its layer. */
function registry(archives: ReadonlyMap<string, Buffer>): Map<string, Blob> {
  const blobs = new Map<string, Blob>()
  for (const [version, archive] of archives) {
    const config = Buffer.from(JSON.stringify({ apiVersion: 'v2', name: 'shop', version }))
    const part = (mediaType: string, bytes: Buffer) => ({ mediaType, digest: digestOf(bytes), size: bytes.length })
    const manifest = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: types.manifest,
        config: part(types.config, config),
        layers: [part(types.layer, archive)],
      }),
    )
    for (const name of [version, digestOf(manifest)])
      blobs.set(`team/shop/manifests/${name}`, { type: types.manifest, bytes: manifest })
    for (const bytes of [config, archive])
      blobs.set(`team/shop/blobs/${digestOf(bytes)}`, { type: 'application/octet-stream', bytes })
  }
  const tags = Buffer.from(JSON.stringify({ name: 'team/shop', tags: [...archives.keys()] }))
  return blobs.set('team/shop/tags/list', { type: 'application/json', bytes: tags })
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

function answer(request: IncomingMessage, response: ServerResponse, state: State): void {
  const { pathname, search } = new URL(request.url ?? '/', 'http://charts')
  const { authorization } = request.headers
  state.seen.push({ line: `${request.method} ${pathname}${search}`, authorization })
  if (state.fault === 'broken') return void response.writeHead(500).end('out of order')
  if (pathname === '/token') {
    const good = !state.login || authorization === basic
    return void response
      .writeHead(good ? 200 : 401, { 'content-type': 'application/json' })
      .end(JSON.stringify({ token }))
  }
  const isRegistry = pathname.startsWith('/v2/')
  if (state.login && authorization !== (isRegistry ? `Bearer ${token}` : basic)) {
    const realm = isRegistry ? `Bearer realm="http://${state.host}/token",service="charts"` : 'Basic realm="charts"'
    const says = '{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}'
    return void response.writeHead(401, { 'www-authenticate': realm }).end(says)
  }
  const found = isRegistry ? state.blobs.get(pathname.slice('/v2/'.length)) : fileOf(pathname, state)
  if (found === undefined) return void response.writeHead(404).end('{"errors":[{"code":"NAME_UNKNOWN"}]}')
  send(found, { request, response, state, isLarge: /\.tgz$|\/blobs\//.test(pathname) })
}

function fileOf(pathname: string, { index, archives, fault }: State): Blob | undefined {
  if (pathname === '/charts/index.yaml' && fault !== 'no-index') return { type: 'text/yaml', bytes: index }
  const bytes = archives.get(/^\/charts\/shop-(.+)\.tgz$/.exec(pathname)?.[1] ?? '')
  return bytes === undefined ? undefined : { type: 'application/gzip', bytes }
}

type Sending = {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly state: State
  readonly isLarge: boolean
}

function send({ type, bytes }: Blob, { request, response, state: { fault, host }, isLarge }: Sending): void {
  // Another name for the same machine is another host.
  if (isLarge && fault === 'redirect' && request.headers.host === host) {
    const location = `http://localhost:${host.split(':')[1]}${request.url}`
    return void response.writeHead(307, { location }).end()
  }
  const part = isLarge && fault === 'torn' ? bytes.subarray(0, bytes.length / 2) : bytes
  const headers = { 'content-type': type, 'content-length': part.length }
  response.writeHead(200, type === types.manifest ? { ...headers, 'docker-content-digest': digestOf(bytes) } : headers)
  if (request.method === 'HEAD') response.end()
  else if (isLarge && fault === 'cut') response.write(bytes.subarray(0, 100), () => response.destroy())
  else response.end(part)
}
