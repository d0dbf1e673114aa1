/**
 * Waits for the parts of a rig, and gives it its nodes.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import type { Part } from './part.ts'

export type Way = { readonly server: string; readonly ca: string; readonly cert: string; readonly key: string }

const nodes = ['node-a', 'node-b', 'node-c']
const patienceMs = 60_000

type Sent = { readonly method?: string; readonly body?: unknown }

function ask(way: Way, path: string, { method = 'GET', body }: Sent = {}): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const asked = request(
      `${way.server}${path}`,
      {
        method,
        ca: readFileSync(way.ca),
        cert: readFileSync(way.cert),
        key: readFileSync(way.key),
        agent: false,
        headers: { 'content-type': 'application/json' },
        timeout: 5_000,
      },
      (answer) => {
        let text = ''
        answer.setEncoding('utf8')
        answer.on('data', (chunk: string) => {
          text += chunk
        })
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }))
      },
    )
    asked.on('error', reject)
    asked.on('timeout', () => asked.destroy(new Error('no answer within 5 s')))
    asked.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

async function until(what: string, parts: readonly Part[], done: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + patienceMs
  for (;;) {
    for (const part of parts) {
      const why = part.failed()
      if (why !== undefined) throw new Error(why)
    }
    if (await done().catch(() => false)) return
    if (performance.now() > end) throw new Error(`${what} was not ready after ${patienceMs / 1000} s`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/** Waits until the API server calls itself ready. */
export function waitForServer(parts: readonly Part[], way: Way): Promise<void> {
  return until('the API server', parts, async () => (await ask(way, '/readyz')).status === 200)
}

/** Makes the nodes, and waits until they are ready. */
export async function readyNodes(parts: readonly Part[], way: Way): Promise<void> {
  for (const name of nodes) await ask(way, '/api/v1/nodes', { method: 'POST', body: node(name) })
  await until('the nodes', parts, async () => {
    const { text } = await ask(way, '/api/v1/nodes')
    return readyCount(text) >= nodes.length
  })
}

/** Waits until the default namespace takes pods. */
export async function readyAccount(parts: readonly Part[], way: Way): Promise<void> {
  const account = '/api/v1/namespaces/default/serviceaccounts/default'
  await until(
    'the service account of the default namespace',
    parts,
    async () => (await ask(way, account)).status === 200,
  )
}

function readyCount(text: string): number {
  type Node = { status?: { conditions?: { type: string; status: string }[] } }
  const { items = [] } = JSON.parse(text) as { items?: Node[] }
  return items.filter((one) =>
    one.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True'),
  ).length
}

function node(name: string): object {
  const room = { cpu: '64', memory: '256Gi', pods: '1000', 'ephemeral-storage': '1Ti' }
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      labels: { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64' },
    },
    status: { allocatable: room, capacity: room },
  }
}
