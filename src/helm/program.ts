/**
 * Helm as a program, version 3 or 4: its own homes, no plugins, a time limit, arguments as lists. It is found once.
 *
 * @module
 */
import { existsSync, mkdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { MgoError } from '../error.ts'
import { type Ran, type Run, run } from '../exec.ts'
import type { ChartLogin } from '../ports.ts'

export type HelmOptions = {
  /** The program; default: `helm` on PATH. */
  readonly program?: string | undefined
  /** A folder of our own, mode 0700. */
  readonly home: string
  /** PATH, and what login programs of the kubeconfig need. */
  readonly env: Readonly<Record<string, string>>
  readonly kubeconfig?: string | undefined
  /** Logins of OCI registries, as `helm registry login` and `docker login` write them; default: none. */
  readonly registryConfig?: string | undefined
  /** Logins of repositories over http(s), read anew each time: mounted ones are rotated. */
  readonly logins?: () => Promise<readonly ChartLogin[]>
  /** Registries (`host:port`) that speak plain HTTP. */
  readonly plainHttp?: ReadonlySet<string>
}

export type Helm = {
  readonly home: string
  /** Logins of repositories over http(s). Throws CONFIG_INVALID. */
  logins(): Promise<readonly ChartLogin[]>
  /** Whether an oci:// address is at a registry without TLS. */
  isPlain(chart: string): boolean
  /** `{ major: 4, text: 'v4.3.1' }`. Throws HELM_MISSING. */
  version(): Promise<{ readonly major: number; readonly text: string }>
  /** Runs helm; a failure is an ordinary answer. `context`: with the kubeconfig and this context. */
  run(args: readonly string[], options: HelmRun): Promise<Ran>
}

export type HelmRun = {
  readonly context?: string
  readonly timeoutMs: number
  readonly env?: Readonly<Record<string, string>>
  /** What it reads from its standard input. */
  readonly input?: string
  /** Helm is asked to end, so that it writes down what became of the release. */
  readonly signal?: AbortSignal | undefined
}

/** For helm to write its record when it is asked to end. */
const graceMs = 5_000

/** Opens helm. Nothing runs yet. `exec` is given by tests. */
export function openHelm(options: HelmOptions, exec: Run = run): Helm {
  let version: Promise<{ major: number; text: string }> | undefined
  const call = async (args: readonly string[], asked: HelmRun): Promise<Ran> => {
    const { context, timeoutMs, env = {}, signal, input = '' } = asked
    const program = findHelm(options)
    const login = context === undefined ? [] : kubeFlags(options.kubeconfig, context)
    const end = signal === undefined ? {} : { signal, graceMs }
    return exec(program, [...args, ...login], { env: { ...isolated(options), ...env }, timeoutMs, input, ...end })
  }
  const ask = async () => {
    const ran = await call(['version', '--template', '{{.Version}}'], { timeoutMs: 20_000 })
    const text = ran.stdout.toString('utf8').trim()
    const major = Number(/^v(\d+)\./.exec(text)?.[1])
    if (ran.code === 0 && (major === 3 || major === 4)) return { major, text }
    throw missing(`what answers as helm says "${text || ran.stderr.slice(0, 200)}" of its version`)
  }
  return {
    home: options.home,
    logins: async () => (await options.logins?.()) ?? [],
    isPlain: (chart) => options.plainHttp?.has(/^oci:\/\/([^/]+)/.exec(chart)?.[1] ?? '') === true,
    version: () => {
      version ??= ask()
      version.catch(() => {
        version = undefined
      })
      return version
    },
    run: call,
  }
}

function kubeFlags(kubeconfig: string | undefined, context: string): readonly string[] {
  return [...(kubeconfig === undefined ? [] : ['--kubeconfig', kubeconfig]), '--kube-context', context]
}

function isolated({ home, env, registryConfig }: HelmOptions): Record<string, string> {
  mkdirSync(home, { recursive: true, mode: 0o700 })
  const given = Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('HELM_')))
  return {
    HOME: home,
    ...given,
    HELM_CACHE_HOME: join(home, 'cache'),
    HELM_CONFIG_HOME: join(home, 'config'),
    HELM_DATA_HOME: join(home, 'data'),
    HELM_PLUGINS: join(home, 'no-plugins'),
    HELM_REGISTRY_CONFIG: registryConfig ?? join(home, 'registry.json'),
    LC_ALL: 'C',
  }
}

function findHelm({ program, env }: HelmOptions): string {
  if (program !== undefined) {
    if (existsSync(program)) return program
    throw missing(`there is no program ${program}`)
  }
  const folder = (env['PATH'] ?? '').split(delimiter).find((one) => one !== '' && existsSync(join(one, 'helm')))
  if (folder === undefined) throw missing('helm is not on PATH')
  return join(folder, 'helm')
}

function missing(why: string): MgoError {
  return new MgoError({
    code: 'HELM_MISSING',
    message: `helm 3 or 4 is needed, and ${why}`,
    hint: 'Install helm (3 or 4) and have it on PATH, or set MGO_HELM to the program.',
  })
}
