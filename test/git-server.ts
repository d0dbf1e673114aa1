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

/**
 * `cut`: the push goes through and its answer is lost; `torn`: a part of the answer comes. `hang`: no answer ever.
 * `trickle`: the answer comes a byte a second. `refuse`: 500.
 * `full`: git may write no file that is larger than some bytes, as on a full disk.
 */
export type Fault = 'none' | 'slow' | 'cut' | 'torn' | 'hang' | 'trickle' | 'refuse' | 'full'

export type GitServer = {
  readonly root: string
  /** The address of a repository; with a login where one is needed and given. */
  url(repo: string, login?: { readonly user: string; readonly password: string }): string
  /** Pushes that were taken (POST git-receive-pack). */
  pushes(): number
  /** Applies to the next `times` pushes. `share`: the part of a torn answer that comes, half by default. */
  fault(kind: Fault, times?: number, share?: number): void
  /** Applies to everything that is asked, until `none`. */
  trouble(kind: Fault): void
  /** Takes the server off its port, with every connection. */
  stop(): Promise<void>
  /** Brings it back to the same port. */
  start(): Promise<void>
  requireLogin(user: string, password: string): void
  close(): Promise<void>
}

/** Starts a server over a fresh folder. */
export async function startGitServer(): Promise<GitServer> {
  const root = mkdtempSync(join(tmpdir(), 'mgo-git-'))
  let pushes = 0
  let fault: { kind: Fault; times: number; share: number } = { kind: 'none', times: 0, share: 0.5 }
  let always: Fault = 'none'
  let login: string | undefined
  const server = createServer((request, response) => {
    if (login !== undefined && request.headers.authorization !== login) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end()
      return
    }
    const isPush = request.method === 'POST' && (request.url ?? '').endsWith('/git-receive-pack')
    let kind = always
    const { share } = fault
    if (isPush) {
      pushes++
      if (fault.times > 0) kind = fault.kind
      fault = { ...fault, times: fault.times - 1 }
    }
    if (kind === 'refuse') response.writeHead(500).end('out of order')
    else if (kind !== 'hang')
      setTimeout(() => backend({ root, request, response, fault: kind, share }), kind === 'slow' ? 300 : 0)
  })
  const listen = (at: number) => new Promise<void>((resolve) => server.listen(at, '127.0.0.1', resolve))
  const stop = async () => {
    const stopped = new Promise((resolve) => server.close(resolve))
    server.closeAllConnections()
    await stopped
  }
  await listen(0)
  const { port } = server.address() as AddressInfo
  return {
    root,
    url: (repo, who) => `http://${who === undefined ? '' : `${who.user}:${who.password}@`}127.0.0.1:${port}/${repo}`,
    pushes: () => pushes,
    fault: (kind, times = 1, share = 0.5) => {
      fault = { kind, times, share }
    },
    trouble: (kind) => {
      always = kind
    },
    stop,
    start: () => listen(port),
    requireLogin: (user, password) => {
      login = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
    },
    close: async () => {
      await stop()
      rmSync(root, { recursive: true, force: true })
    },
  }
}

type Serving = {
  readonly root: string
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly fault: Fault
  readonly share: number
}

/**
 * A write fails as on a full disk. The signal that comes with it is ignored: it would kill git with its lock on the branch in
 * place, which a full disk does not.
 */
const full = ['prlimit', '--fsize=16', 'sh', '-c', 'trap "" XFSZ; exec git http-backend']

/** One CGI call (RFC 3875). */
function backend({ root, request, response, fault, share }: Serving): void {
  const url = new URL(request.url ?? '/', 'http://git')
  const isFull = fault === 'full'
  const [program = 'git', ...args] = isFull ? full : ['git', 'http-backend']
  const child = spawn(program, args, {
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
  // A caller that was killed in the middle of its push sends no end, and one that was cut off may have sent all that nobody
  // read: git would wait for the rest for ever. It may have gone before this began, too.
  if (request.closed) child.stdin.end()
  else request.on('close', () => child.stdin.end())
  const chunks: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  child.on('close', () => {
    if (fault === 'cut') request.socket.destroy()
    else answer(Buffer.concat(chunks), { response, fault, share })
  })
}

type Answering = Pick<Serving, 'response' | 'fault' | 'share'>

function answer(output: Buffer, { response, fault, share }: Answering): void {
  const end = output.indexOf('\r\n\r\n')
  const lines = output.toString('latin1', 0, end).split('\r\n')
  let status = 200
  for (const line of lines) {
    const colon = line.indexOf(':')
    const [name, value] = [line.slice(0, colon), line.slice(colon + 1).trim()]
    if (name.toLowerCase() === 'status') status = Number.parseInt(value, 10)
    else if (colon > 0) response.setHeader(name, value)
  }
  const body = output.subarray(end + 4)
  response.writeHead(status)
  if (fault === 'torn') response.write(body.subarray(0, body.length * share), () => response.destroy())
  else if (fault === 'trickle') trickle(body, response)
  else response.end(body)
}

function trickle(body: Buffer, response: ServerResponse): void {
  let at = 0
  const timer = setInterval(() => {
    if (at < body.length) response.write(body.subarray(at, ++at))
    else response.end()
  }, 1_000)
  response.on('close', () => clearInterval(timer))
}

/** Runs git as a foreign user would; throws with git's words where it fails. */
export function git(folder: string, ...args: readonly string[]): string {
  return gitFed(folder, '', ...args)
}

/** The same, with something to read. */
export function gitFed(folder: string, input: string | Uint8Array, ...args: readonly string[]): string {
  const ran = spawnSync('git', ['-c', 'user.name=Foreign', '-c', 'user.email=foreign@example.com', ...args], {
    cwd: folder,
    input,
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
