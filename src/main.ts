/**
 * Puts the world together and starts a door. The only place where edges and stories meet, and the only process.exit.
 *
 * @module
 */
import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { applyEngine } from './apply/apply.ts'
import { cli } from './cli/cli.ts'
import type { Opened, Where } from './cli/edges.ts'
import { findLogin } from './config/login.ts'
import type { Event, Told } from './event/event.ts'
import { hiding, run, stopAll } from './exec.ts'
import { openRepo } from './git/repo.ts'
import { helmEngine } from './helm/engine.ts'
import { openHelm } from './helm/program.ts'
import { openKube } from './kube/kube.ts'
import { openTrail, verifier } from './journal/trail.ts'
import { offlineKube } from './kube/offline.ts'
import { openLog } from './log/log.ts'
import type { Metrics } from './metrics/metrics.ts'
import type { Clock, Kube, Login, World } from './ports.ts'
import { requestId } from './release/ids.ts'
import { openSecrets } from './secrets.ts'
import { plain } from './text.ts'
import { serve } from './serve.ts'
import { credentialsOf, gitEnv, given, secretsOf, stateFolder } from './surroundings.ts'

const { version } = JSON.parse(await readFile(join(import.meta.dirname, '..', 'package.json'), 'utf8')) as {
  version: string
}

/** Units worked on at once on one cluster: helm takes 60 to 90 MB and most of a core each. */
const width = 4

const clock: Clock = {
  now: () => Date.now(),
  id: () => requestId(Date.now(), randomBytes(16)),
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

type Opening = {
  readonly where: Where
  readonly surroundings: 'of a person' | 'of a server'
  /** Readers of the requests to a cluster. */
  readonly seen?: Metrics['kube']
}

async function open({ where, surroundings, seen }: Opening, tell: (told: Told) => void): Promise<Opened> {
  const state = stateFolder(process.env, tmpdir())
  const repo = await openRepo(where.gitopsRepo, {
    mirrors: join(state, 'git'),
    branch: where.branch,
    committer: { name: 'mgo', email: 'mgo@localhost' },
    env: gitEnv(process.env, surroundings),
    credentials: credentialsOf(process.env),
    secrets,
    commitOnly: where.commitOnly ?? false,
    timeoutMs: where.gitTimeoutMs,
  })
  const { kube, closeAll } = clusters(where.kubeconfig, seen)
  const settings = { program: where.helm, home: join(state, 'helm'), env: given(process.env) }
  const helm = openHelm({ ...settings, kubeconfig: where.kubeconfig }, hiding(run, secrets.hide))
  const engines = [helmEngine(helm), applyEngine()]
  const stamped = (event: Event): void => tell({ ...secrets.hide(event), at: Date.now() })
  const world = { repo, engines, kube, offline: offlineKube(), clock, width, secrets, tell: stamped }
  const close = async () => {
    await Promise.all([repo.close(), closeAll()])
  }
  return { world, repo, close }
}

/** Logs in to each cluster when it is first asked for, and once. */
function clusters(
  kubeconfig: string | undefined,
  seen?: Metrics['kube'],
): Pick<World, 'kube'> & { readonly closeAll: () => Promise<unknown> } {
  const known = new Map<string, Kube>()
  return {
    async kube(context) {
      const found = known.get(context)
      if (found !== undefined) return found
      const login = findLogin(context, { kubeconfig, env: process.env, run, now: Date.now })
      const opened = openKube(learning(login), { agent: `mgo/${version}`, hide: secrets.hide, ...seen?.(context) })
      known.set(context, opened)
      return opened
    },
    closeAll: () => Promise.all([...known.values()].map((one) => one.close())),
  }
}

/** Tokens change while mgo runs: each one is known before it is used. */
function learning(login: Login): Login {
  return {
    ...login,
    async credential(again) {
      const credential = await login.credential(again)
      secrets.credential(credential.token, credential.key, credential.cert)
      return credential
    },
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

process.exitCode = await cli({
  version,
  env: process.env,
  args: process.argv.slice(2),
  secrets,
  isTerminal: process.stderr.isTTY,
  open: (where, tell) => open({ where, surroundings: 'of a person' }, tell),
  serve: (where, serving) =>
    serve({
      serving,
      version,
      clock,
      log: openLog({
        level: serving.logLevel,
        look: process.stderr.isTTY ? 'lines' : 'json',
        hide: secrets.hide,
        write: (line) => process.stderr.write(line),
      }),
      secrets,
      state: stateFolder(process.env, tmpdir()),
      env: process.env,
      slackWebhook: process.env['MGO_SLACK_WEBHOOK'],
      open: (tell, seen) => open({ where, surroundings: 'of a server', seen }, tell),
    }),
  openTrail: (file) => openTrail(file ?? join(stateFolder(process.env, tmpdir()), 'journal.sqlite')),
  verifier,
  writeFiles,
})
// Kept connections must not hold the process; everything that had to be written is.
stopAll()
process.exit()
