/**
 * A real cluster on this machine: etcd, API server, controllers, scheduler, and kwok for the nodes. Its own ports, its
 * own data folder on tmpfs, its own audit log; nothing is left when it ends, or when whoever started it dies.
 *
 * @module
 */
import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from './build.ts'
import { makeCerts } from './certs.ts'
import { isAlive } from './lock.ts'
import { type Part, startPart } from './part.ts'
import { readyAccount, readyNodes, waitForServer } from './ready.ts'

export type Rig = {
  readonly name: string
  readonly kubeconfig: string
  readonly context: string
  readonly auditLog: string
  /** Holds helm3, helm4, kubectl and the cluster's own programs. */
  readonly bin: string
  readonly parts: readonly Part[]
  stop(): Promise<void>
}

/** `puppets`: no nodes yet; test/puppet brings its own (`startPuppetRig`). */
export type RigOptions = {
  readonly name?: string
  readonly nodes?: 'kwok' | 'puppets'
  readonly say?: (line: string) => void
}

/** Starts a cluster with three nodes; builds the programs first where they are missing. About ten seconds. */
export async function startRig({ name = 'rig', nodes = 'kwok', say = () => undefined }: RigOptions = {}): Promise<Rig> {
  if (!/^[a-z0-9][a-z0-9-]{0,40}$/.test(name))
    throw new Error(`a rig's name has small letters, digits and dashes: ${name}`)
  const bin = await build(say)
  const home = dataFolder(name)
  makeCerts(home)
  const [client, peer, api] = await freePorts(3)
  const server = `https://127.0.0.1:${api}`
  const kubeconfig = writeKubeconfig(home, { name, server })
  const parts: Part[] = []
  const stop = async () => {
    await Promise.all(parts.toReversed().map((part) => part.stop()))
    rmSync(home, { recursive: true, force: true })
  }
  const start = (program: string, args: readonly string[]) =>
    parts.push(startPart(join(bin, program), args, join(home, `${program}.log`)))
  try {
    start('etcd', etcdArgs(home, client, peer))
    start('kube-apiserver', apiserverArgs(home, api, client))
    const ready = { ca: join(home, 'ca.crt'), cert: join(home, 'admin.crt'), key: join(home, 'admin.key'), server }
    await waitForServer(parts, ready)
    start('kube-controller-manager', controllerArgs(home, kubeconfig))
    start('kube-scheduler', schedulerArgs(kubeconfig))
    if (nodes === 'kwok') start('kwok', kwokArgs(kubeconfig))
    if (nodes === 'kwok') await readyNodes(parts, ready)
    await readyAccount(parts, ready)
  } catch (error) {
    await stop()
    throw error
  }
  return { name, kubeconfig, context: name, auditLog: join(home, 'audit.log'), bin, parts, stop }
}

function dataFolder(name: string): string {
  const root = isWritable('/dev/shm') ? '/dev/shm' : tmpdir()
  // What a killed run left behind.
  for (const old of readdirSync(root)) {
    const pid = Number(/^mgo-rig-(\d+)-/.exec(old)?.[1])
    if (pid > 0 && !isAlive(pid)) rmSync(join(root, old), { recursive: true, force: true })
  }
  return mkdtempSync(join(root, `mgo-rig-${process.pid}-${name}-`))
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK)
    return existsSync(folder)
  } catch {
    return false
  }
}

async function freePorts(count: number): Promise<readonly [number, number, number]> {
  const servers = Array.from({ length: count }, () => createServer())
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve) => {
          server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port))
        }),
    ),
  )
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return [ports[0] ?? 0, ports[1] ?? 0, ports[2] ?? 0]
}

function writeKubeconfig(home: string, { name, server }: { readonly name: string; readonly server: string }): string {
  const file = join(home, 'kubeconfig')
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    clusters: [{ name, cluster: { server, 'certificate-authority': join(home, 'ca.crt') } }],
    users: [{ name, user: { 'client-certificate': join(home, 'admin.crt'), 'client-key': join(home, 'admin.key') } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
  }
  // JSON is YAML.
  writeFileSync(file, JSON.stringify(config, undefined, 2), { mode: 0o600 })
  writeFileSync(
    join(home, 'audit.yaml'),
    'apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules: [{ level: Metadata }]\n',
  )
  return file
}

function etcdArgs(home: string, client: number, peer: number): readonly string[] {
  const data = join(home, 'etcd')
  mkdirSync(data, { mode: 0o700 })
  const at = `http://127.0.0.1:${client}`
  const among = `http://127.0.0.1:${peer}`
  return [
    `--data-dir=${data}`,
    `--listen-client-urls=${at}`,
    `--advertise-client-urls=${at}`,
    `--listen-peer-urls=${among}`,
    `--initial-advertise-peer-urls=${among}`,
    `--initial-cluster=default=${among}`,
    '--unsafe-no-fsync',
    '--log-level=warn',
  ]
}

function apiserverArgs(home: string, port: number, etcd: number): readonly string[] {
  const file = (name: string) => join(home, name)
  return [
    `--etcd-servers=http://127.0.0.1:${etcd}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    `--secure-port=${port}`,
    `--cert-dir=${home}`,
    `--tls-cert-file=${file('server.crt')}`,
    `--tls-private-key-file=${file('server.key')}`,
    `--client-ca-file=${file('ca.crt')}`,
    `--service-account-key-file=${file('sa.pub')}`,
    `--service-account-signing-key-file=${file('sa.key')}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    '--service-cluster-ip-range=10.96.0.0/16',
    '--authorization-mode=RBAC',
    '--allow-privileged=true',
    `--audit-policy-file=${file('audit.yaml')}`,
    `--audit-log-path=${file('audit.log')}`,
    '--audit-log-maxsize=10000',
    '--endpoint-reconciler-type=none',
  ]
}

/** With their defaults (20/30) only about five Deployments a second become ready, and they would be measured instead of mgo. */
const fast = ['--kube-api-qps=500', '--kube-api-burst=1000', '--leader-elect=false', '--secure-port=0']

function controllerArgs(home: string, kubeconfig: string): readonly string[] {
  return [
    `--kubeconfig=${kubeconfig}`,
    ...fast,
    `--service-account-private-key-file=${join(home, 'sa.key')}`,
    `--root-ca-file=${join(home, 'ca.crt')}`,
    '--concurrent-deployment-syncs=50',
    '--concurrent-replicaset-syncs=50',
    // On a busy machine a node is silent for longer than a minute, and every pod of it would turn unready for good.
    '--node-monitor-grace-period=1h',
  ]
}

function schedulerArgs(kubeconfig: string): readonly string[] {
  return [`--kubeconfig=${kubeconfig}`, ...fast]
}

function kwokArgs(kubeconfig: string): readonly string[] {
  return [
    `--kubeconfig=${kubeconfig}`,
    `--config=${join(import.meta.dirname, 'stages.yaml')}`,
    '--manage-all-nodes=true',
    '--node-ip=127.0.0.1',
  ]
}
