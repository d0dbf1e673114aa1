/**
 * The git server of the tests: real `git http-backend` behind a small HTTP server on loopback, with faults on request.
 *
 * @module
 */
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/** `cut`: the push goes through and its answer is lost. `hang`: no answer ever. `refuse`: 500 to every push. */
export type Fault = 'none' | 'slow' | 'cut' | 'hang' | 'refuse'

export type GitServer = {
  readonly root: string
  /** The address of a repository; with a login where one is needed and given. */
  url(repo: string, login?: { readonly user: string; readonly password: string }): string
  /** Pushes that were taken (POST git-receive-pack). */
  pushes(): number
  /** Applies to the next `times` pushes. */
  fault(kind: Fault, times?: number): void
  requireLogin(user: string, password: string): void
  close(): Promise<void>
}

/** Starts a server over a fresh folder. */
export async function startGitServer(): Promise<GitServer> {
  const root = mkdtempSync(join(tmpdir(), 'mgo-git-'))
  let pushes = 0
  let fault: { kind: Fault; times: number } = { kind: 'none', times: 0 }
  let login: string | undefined
  const server = createServer((request, response) => {
    if (login !== undefined && request.headers.authorization !== login) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end()
      return
    }
    const isPush = request.method === 'POST' && (request.url ?? '').endsWith('/git-receive-pack')
    let kind: Fault = 'none'
    if (isPush) {
      pushes++
      if (fault.times > 0) kind = fault.kind
      fault = { ...fault, times: fault.times - 1 }
    }
    if (kind === 'refuse') response.writeHead(500).end('out of order')
    else if (kind !== 'hang')
      setTimeout(() => backend({ root, request, response, cut: kind === 'cut' }), kind === 'slow' ? 300 : 0)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    root,
    url: (repo, who) => `http://${who === undefined ? '' : `${who.user}:${who.password}@`}127.0.0.1:${port}/${repo}`,
    pushes: () => pushes,
    fault: (kind, times = 1) => {
      fault = { kind, times }
    },
    requireLogin: (user, password) => {
      login = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
    },
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      rmSync(root, { recursive: true, force: true })
    },
  }
}

type Serving = {
  readonly root: string
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly cut: boolean
}

/** One CGI call (RFC 3875). */
function backend({ root, request, response, cut }: Serving): void {
  const url = new URL(request.url ?? '/', 'http://git')
  const child = spawn('git', ['http-backend'], {
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: root,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
      REQUEST_METHOD: request.method ?? 'GET',
      PATH_INFO: decodeURIComponent(url.pathname),
      QUERY_STRING: url.search.slice(1),
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: String(request.headers['content-encoding'] ?? ''),
      REMOTE_USER: 'tester',
      REMOTE_ADDR: '127.0.0.1',
    },
  })
  request.pipe(child.stdin)
  child.stdin.on('error', () => undefined)
  const chunks: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  child.on('close', () => {
    if (cut) {
      request.socket.destroy()
      return
    }
    answer(Buffer.concat(chunks), response)
  })
}

function answer(output: Buffer, response: ServerResponse): void {
  const end = output.indexOf('\r\n\r\n')
  const lines = output.toString('latin1', 0, end).split('\r\n')
  let status = 200
  for (const line of lines) {
    const colon = line.indexOf(':')
    const [name, value] = [line.slice(0, colon), line.slice(colon + 1).trim()]
    if (name.toLowerCase() === 'status') status = Number.parseInt(value, 10)
    else if (colon > 0) response.setHeader(name, value)
  }
  response.writeHead(status).end(output.subarray(end + 4))
}

/** Runs git as a foreign user would; throws with git's words where it fails. */
export function git(folder: string, ...args: readonly string[]): string {
  const ran = spawnSync('git', ['-c', 'user.name=Foreign', '-c', 'user.email=foreign@example.com', ...args], {
    cwd: folder,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'] ?? '', HOME: folder, GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' },
  })
  if (ran.status !== 0) throw new Error(`git ${args.join(' ')}: ${ran.stderr}`)
  return ran.stdout
}

/** Makes a bare repository with one commit of these files, on `main`. Gives its folder. */
export function makeBare(root: string, name: string, files: Readonly<Record<string, string | Buffer>>): string {
  const bare = join(root, name)
  mkdirSync(bare, { recursive: true })
  git(bare, 'init', '--quiet', '--bare', '--initial-branch=main')
  git(bare, 'config', 'http.receivepack', 'true')
  const work = mkdtempSync(join(tmpdir(), 'mgo-work-'))
  git(work, 'init', '--quiet', '--initial-branch=main')
  put(work, files)
  git(work, 'add', '--all')
  git(work, 'commit', '--quiet', '--allow-empty', '-m', 'Start')
  git(work, 'push', '--quiet', bare, 'main')
  rmSync(work, { recursive: true, force: true })
  return bare
}

/** Writes files below a folder. */
export function put(folder: string, files: Readonly<Record<string, string | Buffer>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), content)
  }
}
