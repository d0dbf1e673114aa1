/**
 * Nodes: registered as a kubelet registers itself, kept ready by their leases.
 *
 * @module
 */
import { type Api, merge, timestamp } from './api.ts'
import type { NodeShape } from './script.ts'

/** The nodes of every rig with puppets. */
export const everyNode: readonly NodeShape[] = [
  { name: 'node-a' },
  { name: 'node-b' },
  { name: 'node-c' },
  { name: 'node-gpu', labels: { pool: 'gpu' }, taints: [{ key: 'dedicated', value: 'gpu', effect: 'NoSchedule' }] },
]

/** A lease says 40 s; a kubelet renews it every ten. */
const renewMs = 10_000

export type Nodes = {
  add(shape: NodeShape): Promise<void>
  remove(name: string): Promise<void>
  readonly has: (name: string) => boolean
  /** Waits until the control plane takes pods for it. */
  ready(name: string): Promise<void>
  stop(): void
}

/** Keeps nodes. */
export function openNodes(api: Api): Nodes {
  const names = new Set<string>()
  const renew = () => Promise.all([...names].map((name) => beat(api, name).catch(() => undefined)))
  const timer = setInterval(() => void renew(), renewMs)
  return {
    async add(shape) {
      names.add(shape.name)
      const answer = await api.ask({ method: 'POST', path: '/api/v1/nodes', body: node(shape) })
      if (answer.status >= 300) throw new Error(`the node ${shape.name} was refused: ${JSON.stringify(answer.body)}`)
      await beat(api, shape.name)
    },
    async remove(name) {
      names.delete(name)
      await api.ask({ method: 'DELETE', path: `/api/v1/nodes/${name}` })
    },
    has: (name) => names.has(name),
    async ready(name) {
      for (let turn = 0; turn < 300; turn++) {
        const { body } = await api.ask({ method: 'GET', path: `/api/v1/nodes/${name}` })
        const { taints = [] } = (body as { spec?: { taints?: { key: string }[] } }).spec ?? {}
        if (!taints.some(({ key }) => key === 'node.kubernetes.io/not-ready')) return
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
      throw new Error(`the node ${name} was not ready after 30 s`)
    },
    stop: () => clearInterval(timer),
  }
}

async function beat(api: Api, name: string): Promise<void> {
  const leases = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases'
  const spec = {
    holderIdentity: name,
    leaseDurationSeconds: 40,
    renewTime: new Date().toISOString().replace('Z', '000Z'),
  }
  const renewed = await api.ask({ method: 'PATCH', path: `${leases}/${name}`, contentType: merge, body: { spec } })
  if (renewed.status !== 404) return
  const metadata = { name, namespace: 'kube-node-lease' }
  const body = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec }
  await api.ask({ method: 'POST', path: leases, body })
}

const conditions = [
  ['MemoryPressure', 'False', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'],
  ['DiskPressure', 'False', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'],
  ['PIDPressure', 'False', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'],
  ['Ready', 'True', 'KubeletReady', 'kubelet is posting ready status'],
] as const

function node({ name, cpu = '64', memory = '256Gi', labels = {}, taints = [] }: NodeShape): object {
  const at = timestamp()
  const room = { cpu: String(cpu), memory, pods: '1000', 'ephemeral-storage': '1Ti' }
  const known = { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64' }
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { ...known, ...labels } },
    spec: { taints },
    status: {
      allocatable: room,
      capacity: room,
      addresses: [
        { type: 'InternalIP', address: '127.0.0.1' },
        { type: 'Hostname', address: name },
      ],
      conditions: conditions.map(([type, status, reason, message]) => ({
        type,
        status,
        reason,
        message,
        lastHeartbeatTime: at,
        lastTransitionTime: at,
      })),
      nodeInfo: {
        architecture: 'amd64',
        bootID: '',
        containerRuntimeVersion: 'containerd://2.2.0',
        kernelVersion: '6.12.0',
        kubeProxyVersion: '',
        kubeletVersion: 'v1.37.2',
        machineID: '',
        operatingSystem: 'linux',
        osImage: 'puppet',
        systemUUID: '',
      },
    },
  }
}
