/**
 * Puts the world together and starts a door. The only place where edges and stories meet, and the only process.exit.
 *
 * @module
 */
import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import { applyEngine } from './apply/apply.ts'
import { cli } from './cli/cli.ts'
import type { Opened, Where } from './cli/edges.ts'
import { secretOf } from './config/secret.ts'
import type { Event, Told } from './event/event.ts'
import { hiding, run, stopAll } from './exec.ts'
import { openRepo } from './git/repo.ts'
import { guarded, onInterrupt, openGate } from './interrupt.ts'
import { helmEngine } from './helm/engine.ts'
import { type Helm, openHelm } from './helm/program.ts'
import { openTrail, verifier } from './journal/trail.ts'
import { offlineKube } from './kube/offline.ts'
import type { Metrics } from './metrics/metrics.ts'
import type { Clock, Kube, World } from './ports.ts'
import { requestId } from './release/ids.ts'
import { openSecrets } from './secrets.ts'
import { plain } from './text.ts'
import { type SshKey, gitEnv, given, plainHosts, secretsOf, stateFolder, userOf } from './surroundings.ts'

const { version } = JSON.parse(await readFile(join(import.meta.dirname, '..', 'package.json'), 'utf8')) as {
  version: string
}

/** Units worked on at once on one cluster: helm takes 60 to 90 MB and most of a core each. */
const width = 4

/** Asking the system for chance costs more than making an id of it: it is asked for many at once. */
let pool: Uint8Array = Buffer.alloc(0)
function chance(): Uint8Array {
  if (pool.length < 16) pool = randomBytes(4096)
  const bytes = pool.subarray(0, 16)
  pool = pool.subarray(16)
  return bytes
}

const clock: Clock = {
  now: () => Date.now(),
  id: () => requestId(Date.now(), chance()),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer)
        resolve()
      }
      const timer = setTimeout(end, Math.min(ms, 2_147_483_647))
      if (signal?.aborted === true) end()
      else signal?.addEventListener('abort', end, { once: true })
    }),
}

/** Everything secret that this process is ever given. */
const secrets = openSecrets()
secrets.credential(...secretsOf(process.env))

/** The variables that the server's settings name as secrets: no program that mgo runs is given them. */
const own = new Set<string>()

/** A secret by its name, known as one from then on. */
function secretNamed(name: string): string | undefined {
  const value = secretOf(process.env, name)
  secrets.credential(value)
  return value
}

/** What only a server and its operator need: loading it takes a quarter of a second, and a deploy from a shell waits for that. */
const serverSide = () => import('./server-side.ts')
/** What only a deploy that reaches a cluster or a chart repository needs: a third of all that there is to load. */
const clusterSide = () => import('./cluster-side.ts')

type Opening = {
  readonly where: Where
  readonly surroundings: 'of a person' | 'of a server'
  /** How a server reaches its gitops repo. */
  readonly login?: { readonly username?: string | undefined; readonly ssh?: SshKey | undefined }
  /** Readers of the requests to a cluster. */
  readonly seen?: Metrics['kube']
}

async function open({ where, surroundings, login, seen }: Opening, tell: (told: Told) => void): Promise<Opened> {
  const state = stateFolder(process.env, tmpdir())
  const repo = await openRepo(where.gitopsRepo, {
    mirrors: join(state, 'git'),
    branch: where.branch,
    committer: { name: 'mgo', email: 'mgo@localhost' },
    env: gitEnv(process.env, surroundings, login?.ssh),
    credentials: gitLogin(login?.username),
    secrets,
    commitOnly: where.commitOnly ?? false,
    timeoutMs: where.gitTimeoutMs,
  })
  const { kube, closeAll } = clusters(where.kubeconfig, seen)
  const engines = [helmEngine(helmFor(where, state)), applyEngine()]
  const stamped = (event: Event): void => tell({ ...secrets.hide(event), at: Date.now() })
  const { allowRanges = false } = where
  const made = { repo, engines, kube, offline: offlineKube(), clock, width, secrets, allowRanges, tell: stamped }
  const world = guarded(made, gate)
  const close = async () => {
    await Promise.all([repo.close(), closeAll()])
  }
  return { world, repo: world.repo, close }
}

function helmFor({ helm: program, kubeconfig }: Where, state: string): Helm {
  const charts = {
    registryConfig: process.env['HELM_REGISTRY_CONFIG'] || undefined,
    logins: async () => {
      const { chartLogins } = await clusterSide()
      return chartLogins(process.env, (...found) => secrets.credential(...found))()
    },
    plainHttp: plainHosts(process.env),
  }
  const settings = {
    ...charts,
    program,
    kubeconfig,
    home: join(state, 'helm'),
    // Looked at in each call: the settings may name other secrets meanwhile.
    get env() {
      return given(process.env, own)
    },
  }
  return openHelm(settings, hiding(run, secrets.hide))
}

/** A user name and password or token for the gitops repo, where it has no key. */
function gitLogin(username: string | undefined) {
  const password = secretNamed('MGO_GIT_PASSWORD')
  return password === undefined
    ? undefined
    : { username: process.env['MGO_GIT_USERNAME'] ?? username ?? 'mgo', password }
}

const openServing = (opening: Omit<Opening, 'surroundings'>, tell: (told: Told) => void) =>
  open({ ...opening, surroundings: 'of a server' }, tell)

/** Logs in to each cluster when it is first asked for, and once. */
function clusters(
  kubeconfig: string | undefined,
  seen?: Metrics['kube'],
): Pick<World, 'kube'> & { readonly closeAll: () => Promise<unknown> } {
  const known = new Map<string, Promise<Kube>>()
  const opened = async (context: string): Promise<Kube> => {
    const { reach } = await clusterSide()
    const login = { kubeconfig, env: given(process.env, own), run, now: Date.now }
    return reach(context, { ...login, agent: `mgo/${version}`, secrets, ...seen?.(context) })
  }
  return {
    kube(context) {
      const found = known.get(context) ?? opened(context)
      known.set(context, found)
      found.catch(() => known.delete(context))
      return found
    },
    closeAll: () => Promise.allSettled([...known.values()].map(async (one) => (await one).close())),
  }
}

async function writeFiles(folder: string, files: ReadonlyMap<string, Uint8Array>): Promise<void> {
  for (const [path, bytes] of files) {
    const target = join(folder, path)
    await mkdir(dirname(target), { recursive: true })
    await writeFile(target, bytes)
  }
}

// What nobody foresaw ends the process, but does not print itself: a stack may quote a secret. The journal keeps the rest.
process.on('uncaughtException', (error) => {
  process.stderr.write(plain(secrets.hide(`INTERNAL: mgo itself failed: ${error.stack ?? error.message}\n`)))
  process.exit(5)
})
const gate = openGate()
// A server goes down in its own order.
if (!process.argv.includes('serve'))
  onInterrupt(
    gate,
    (line) => process.stderr.write(`${line}\n`),
    (code) => process.exit(code),
  )

process.exitCode = await cli({
  version,
  env: process.env,
  args: process.argv.slice(2),
  secrets,
  isTerminal: process.stderr.isTTY,
  open: (where, tell) => open({ where, surroundings: 'of a person' }, tell),
  serve: async (flags) => {
    const { serveWith } = await serverSide()
    const state = stateFolder(process.env, tmpdir())
    const slackWebhook = secretNamed('MGO_SLACK_WEBHOOK')
    const withhold = (variables: readonly string[]) => {
      for (const one of variables) own.add(one)
    }
    const given = { version, clock, secrets, state, slackWebhook, secret: secretNamed, withhold, open: openServing }
    await serveWith(flags, given)
  },
  checkServing: async (flags, isOnline) => {
    const { checkServing } = await serverSide()
    const state = stateFolder(process.env, tmpdir())
    return checkServing(flags, isOnline, { state, secret: secretNamed, open: openServing })
  },
  settings: async (file) => (await serverSide()).readServerSettings(file),
  settingsSchema: async () => (await serverSide()).serverSchema(),
  tokens: async (config) => (await serverSide()).tokensOf(config, stateFolder(process.env, tmpdir())),
  user: () => userOf(process.env, userInfo, process.getuid?.()),
  secret: secretNamed,
  readText: (file) => readFile(file, 'utf8'),
  openTrail: (file) => openTrail(file ?? join(stateFolder(process.env, tmpdir()), 'journal.sqlite')),
  verifier,
  writeFiles,
})
// Kept connections must not hold the process; everything that had to be written is.
stopAll()
process.exit()
