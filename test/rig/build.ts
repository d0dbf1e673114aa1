/**
 * Builds the programs of the rig from their published Go modules, once. go.sum pins every byte; the cache lies outside
 * the repo, keyed by what went into a build.
 *
 * @module
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { withLock } from './lock.ts'
import { goToolchain } from './toolchain.ts'

type Program = { readonly name: string; readonly module: string; readonly package: string; readonly ldflags: string }

const here = import.meta.dirname
const kubeVersion = ['gitVersion=v1.37.2', 'gitMajor=1', 'gitMinor=37', 'gitTreeState=clean']
  .map((one) => `-X k8s.io/component-base/version.${one}`)
  .join(' ')
const kube = (name: string): Program => ({
  name,
  module: 'kubernetes',
  package: `k8s.io/kubernetes/cmd/${name}`,
  // Without its version the server calls itself v0.0.0, and charts with a kubeVersion refuse it.
  ldflags: kubeVersion,
})

const programs: readonly Program[] = [
  { name: 'etcd', module: 'etcd', package: 'go.etcd.io/etcd/server/v3', ldflags: '' },
  { name: 'kwok', module: 'kwok', package: 'sigs.k8s.io/kwok/cmd/kwok', ldflags: '' },
  {
    name: 'helm3',
    module: 'helm3',
    package: 'helm.sh/helm/v3/cmd/helm',
    // As its own Makefile does; without the last two it renders for Kubernetes 1.20.
    ldflags: ['internal/version.version=v3.22.0', 'pkg/chartutil.k8sVersionMajor=1', 'pkg/chartutil.k8sVersionMinor=37']
      .map((one) => `-X helm.sh/helm/v3/${one}`)
      .join(' '),
  },
  {
    name: 'helm4',
    module: 'helm4',
    package: 'helm.sh/helm/v4/cmd/helm',
    ldflags: '-X helm.sh/helm/v4/internal/version.version=v4.3.1',
  },
  kube('kubectl'),
  kube('kube-scheduler'),
  kube('kube-controller-manager'),
  kube('kube-apiserver'),
]

/** Where built programs are kept: MGO_RIG_CACHE, else the user's cache folder. */
function cacheFolder(): string {
  const { MGO_RIG_CACHE, XDG_CACHE_HOME } = process.env
  return MGO_RIG_CACHE ?? join(XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'mgo-rig')
}

/** The folder that holds exactly this version of all programs. */
export function binFolder(): string {
  return join(cacheFolder(), `bin-${hash(programs.map(keyOf).join('\n'))}`)
}

/** Whether everything is built. */
export function isBuilt(): boolean {
  return programs.every(({ name }) => existsSync(join(binFolder(), name)))
}

/** Builds what is missing. Gives the folder of the programs. `say` gets a line for each step. */
export async function build(say: (line: string) => void): Promise<string> {
  const bin = binFolder()
  if (isBuilt()) return bin
  mkdirSync(bin, { recursive: true })
  await withLock(join(cacheFolder(), 'build.lock'), say, async () => {
    const missing = programs.filter(({ name }) => !existsSync(join(bin, name)))
    for (const [i, program] of missing.entries()) {
      say(`rig: ${program.name} (${i + 1} of ${missing.length})`)
      await provide(program, bin, say)
    }
  })
  return bin
}

async function provide(program: Program, bin: string, say: (line: string) => void): Promise<void> {
  const target = join(bin, program.name)
  const assets = process.env['KUBEBUILDER_ASSETS']
  const given = assets === undefined ? undefined : join(assets, program.name)
  if (given !== undefined && existsSync(given) && /^(?:etcd|kube-apiserver|kubectl)$/.test(program.name)) {
    symlinkSync(given, target)
    return
  }
  const stored = join(cacheFolder(), 'built', `${program.name}-${hash(keyOf(program))}`)
  if (!existsSync(stored)) await compile(program, stored, say)
  rmSync(target, { force: true })
  linkSync(stored, target)
}

async function compile(program: Program, into: string, say: (line: string) => void): Promise<void> {
  const go = await goToolchain(cacheFolder(), say)
  mkdirSync(join(into, '..'), { recursive: true })
  const started = performance.now()
  const beat = setInterval(() => say(`rig: ${program.name}, ${seconds(started)} s so far`), 30_000)
  const half = `${into}.${process.pid}`
  try {
    await goBuild(go, program, half)
    renameSync(half, into)
  } finally {
    clearInterval(beat)
    rmSync(half, { force: true })
  }
  say(`rig: ${program.name} is built (${seconds(started)} s)`)
}

function goBuild(go: string, program: Program, output: string): Promise<void> {
  const args = [
    'build',
    '-mod=readonly',
    '-trimpath',
    '-ldflags',
    `-s -w ${program.ldflags}`,
    '-o',
    output,
    program.package,
  ]
  return new Promise((resolve, reject) => {
    const child = spawn(go, args, {
      cwd: join(here, 'go', program.module),
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, GOFLAGS: '', GOWORK: 'off', GOTOOLCHAIN: 'local' },
    })
    child.once('error', reject)
    child.once('exit', (code) => {
      if (code === 0) resolve()
      else reject(new Error(`go build of ${program.name} ended with ${code ?? 'a signal'}; its words stand above`))
    })
  })
}

function keyOf(program: Program): string {
  const folder = join(here, 'go', program.module)
  const pinned = ['go.mod', 'go.sum'].map((file) => readFileSync(join(folder, file), 'utf8')).join('\n')
  return hash(`${program.package}\n${program.ldflags}\n${pinned}`)
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

function seconds(started: number): number {
  return Math.round((performance.now() - started) / 1000)
}
