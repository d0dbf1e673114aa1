/**
 * mgo as a user runs it: its own process, its own state folder, real programs around it.
 *
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openFiles, peakMiB } from './checker/process.ts'

const root = join(import.meta.dirname, '..')
/** Where bin/mgo keeps compiled code, too: a start then costs half. */
const compiled = join(root, 'node_modules', '.cache', 'mgo')

export type Ended = { readonly code: number; readonly stdout: string; readonly stderr: string }

export type Mgo = {
  readonly state: string
  /** Runs a command to its end. */
  run(...args: readonly string[]): Promise<Ended>
  /** Starts `mgo serve` on a free port. */
  serve(...args: readonly string[]): Promise<Server>
  /** How often helm was started, by first argument. */
  helmCalls(): readonly string[]
  remove(): void
}

export type Server = {
  readonly url: string
  readonly pid: number
  /** Files that it had open as soon as it listened. */
  readonly files: number
  /** The most memory that it was seen to have, MiB. */
  peakMiB(): number
  log(): string
  /** Resolves with the exit code when it has ended, however that came. */
  readonly ended: Promise<number>
  /** SIGTERM, and its end. */
  stop(): Promise<number>
  /** SIGKILL: nothing can be tidied up. */
  kill(): Promise<void>
}

export type MgoOptions = {
  readonly repo: string
  readonly kubeconfig?: string
  readonly helm?: string
  /** A folder whose programs come before those of PATH. */
  readonly shims?: string
  /** A program and its arguments that start the server, such as `prlimit --nofile=64`. */
  readonly under?: readonly string[]
  /** Where the state lies; made by whoever names it. */
  readonly stateIn?: string
  /** The file of the program that the next server runs; this one by default. */
  readonly main?: () => string
  /** A server that was started once is started again on its port. */
  readonly port?: number
  readonly env?: Readonly<Record<string, string>>
}

/** Makes a surrounding for mgo with a state folder of its own. */
export function makeMgo({ repo, kubeconfig, helm, shims, stateIn, env: more, ...serving }: MgoOptions): Mgo {
  const state = mkdtempSync(join(tmpdir(), 'mgo-e2e-'))
  const calls = join(state, 'helm-calls')
  const wrapper = join(state, 'helm-counted')
  if (helm !== undefined) {
    writeFileSync(wrapper, `#!/bin/sh\necho "$1" >> "${calls}"\nexec "${helm}" "$@"\n`)
    chmodSync(wrapper, 0o755)
  }
  const env = {
    PATH: `${shims === undefined ? '' : `${shims}:`}${process.env['PATH'] ?? ''}`,
    HOME: state,
    NODE_COMPILE_CACHE: compiled,
    MGO_STATE: stateIn ?? join(state, 'state'),
    MGO_GITOPS_REPO: repo,
    ...more,
    ...(kubeconfig === undefined ? {} : { KUBECONFIG: kubeconfig }),
    ...(helm === undefined ? {} : { MGO_HELM: wrapper }),
  }
  return {
    state,
    run: (...args) => call(process.execPath, [ownMain, ...args], env),
    serve: (...args) => startServer(args, env, serving),
    helmCalls: () =>
      existsSync(calls)
        ? readFileSync(calls, 'utf8')
            .trim()
            .split('\n')
            .filter((one) => one !== 'version' && one !== '')
        : [],
    remove: () => rmSync(state, { recursive: true, force: true }),
  }
}

/** Runs any program to its end. */
export function call(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    // kubectl and helm keep caches in HOME: never in the folder of the tests.
    const child = spawn(program, args, { env: { PATH: process.env['PATH'] ?? '', HOME: tmpdir(), ...env } })
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString()
    })
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString()
    })
    child.stdin.end()
    child.on('error', reject)
    child.on('close', (code) => resolve({ code: code ?? -1, stdout, stderr }))
  })
}

const ownMain = join(root, 'src', 'main.ts')

async function startServer(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  { under = [], port = 0, main = () => ownMain }: Pick<MgoOptions, 'under' | 'port' | 'main'>,
): Promise<Server> {
  const [program, ...before] = [...under, process.execPath]
  const listen = ['serve', '--listen', `127.0.0.1:${port}`]
  const child: ChildProcess = spawn(program, [...before, main(), ...listen, ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let log = ''
  const read = (chunk: Buffer) => {
    log += chunk.toString()
  }
  child.stdout?.on('data', read)
  child.stderr?.on('data', read)
  const ended = new Promise<number>((resolve) => child.on('exit', (code) => resolve(code ?? -1)))
  const peak = watchPeak(child)
  // A machine that builds and tests beside it takes its time.
  const end = performance.now() + 60_000
  let url: string | undefined
  while (url === undefined) {
    url = /listens on (https?:\S+), /.exec(log)?.[1]
    if (child.exitCode !== null || performance.now() > end) {
      child.kill('SIGKILL')
      throw new Error(`mgo serve did not start:\n${log}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return {
    url,
    pid: child.pid ?? 0,
    files: openFiles(child.pid ?? 0, Number(new URL(url).port)),
    peakMiB: peak,
    ended,
    log: () => log,
    async stop() {
      peak()
      child.kill('SIGTERM')
      return ended
    },
    async kill() {
      peak()
      child.kill('SIGKILL')
      await ended
    },
  }
}

/** Looks at its memory again and again: whoever kills it does not tell before. */
function watchPeak(child: ChildProcess): () => number {
  let most = 0
  const look = () => (most = Math.max(most, peakMiB(child.pid ?? 0)))
  const timer = setInterval(look, 200).unref()
  child.on('exit', () => clearInterval(timer))
  return look
}

/** A chart of one Deployment and one Service, as files of a gitops repo. */
export const chart: Readonly<Record<string, string>> = {
  'charts/shop/Chart.yaml': 'apiVersion: v2\nname: shop\nversion: 0.1.0\n',
  'charts/shop/values.yaml': 'replicas: 1\nimage: { repository: none, tag: none }\n',
  'charts/shop/templates/all.yaml': `apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
spec:
  replicas: {{ .Values.replicas }}
  selector: { matchLabels: { app: {{ .Release.Name }} } }
  template:
    metadata: { labels: { app: {{ .Release.Name }} } }
    spec:
      containers:
        - name: app
          image: "{{ .Values.image.repository }}:{{ .Values.image.tag }}"
---
apiVersion: v1
kind: Service
metadata: { name: {{ .Release.Name }} }
spec: { selector: { app: {{ .Release.Name }} }, ports: [{ port: 80 }] }
`,
}

/** The files of that chart, from its own folder. */
export const chartFiles: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(chart).map(([path, text]) => [path.replace('charts/shop/', ''), text]),
)

/** A values file of that chart. */
export function values(name: string, tag = 'v1', more = ''): string {
  return `# ${name}, owned by the shop team
__mygitops:
  chart: ./charts/shop
  namespace: shop
  images:
    github.com/acme/${name}: &img # what CI builds
      repository: localhost:5000/acme/${name}
      tag: "${tag}"
image: *img
replicas: 1
${more}`
}
