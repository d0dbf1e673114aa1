/**
 * P6: requests to the API server for one release, from its audit log: a first install, nothing changed, one image
 * changed. mgo by a chart (its own requests and those of the helm that it starts) and by a raw file, against
 * `helm upgrade --install` 3 and 4 and `kubectl apply --server-side`. A rig of its own; about a minute.
 *
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { git, makeBare, put } from '../test/git-server.ts'
import { call, chart, makeMgo, values } from '../test/mgo.ts'
import { requests, writes } from '../test/rig/audit.ts'
import { type Rig, startRig } from '../test/rig/rig.ts'

const steps = ['first', 'nothing', 'image'] as const
type Step = (typeof steps)[number]
/** Does a step; what it asks of the API server is counted meanwhile. */
type Way = (step: Step) => Promise<void>
type Bench = { readonly rig: Rig; readonly folder: string }

/** Requests by mgo, helm or kubectl: everything that is no part of the cluster itself. */
const tools = /^(?:mgo|Helm|kubectl)\//

/** Gives requests and writes of each way and step. */
export async function run() {
  const rig = await startRig({ name: 'p6' })
  const bench = { rig, folder: mkdtempSync(join(tmpdir(), 'mgo-p6-')) }
  try {
    return {
      unit: 'requests (writes)',
      'mgo, a chart with helm 4': await counted(mgoWay(bench, 'chart'), rig),
      'helm 4': await counted(helmWay(bench, 'helm4'), rig),
      'helm 3': await counted(helmWay(bench, 'helm3'), rig),
      'mgo, a raw file': await counted(mgoWay(bench, 'raw'), rig),
      'kubectl apply --server-side': await counted(kubectlWay(bench), rig),
    }
  } finally {
    await rig.stop()
    rmSync(bench.folder, { recursive: true, force: true })
  }
}

async function counted(way: Way, rig: Rig): Promise<Readonly<Record<Step, string>>> {
  const found: [Step, string][] = []
  for (const step of steps) {
    const since = new Date()
    await way(step)
    // The API server writes its log a little later than it answers.
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    const asked = requests(rig.auditLog, { agent: tools, since })
    found.push([step, `${asked.length} (${writes(asked).length})`])
  }
  return Object.fromEntries(found) as Record<Step, string>
}

function manifest(name: string, tag: string): string {
  return `apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, namespace: default }
spec:
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec: { containers: [{ name: app, image: "acme/app:${tag}" }] }
---
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: default }
spec: { selector: { app: ${name} }, ports: [{ port: 80 }] }
`
}

const tagOf = (step: Step): string => (step === 'image' ? 'v2' : 'v1')

/** A sync of a cluster with one release, as it is started from a shell: discovery is part of it. */
function mgoWay({ rig, folder }: Bench, kind: 'chart' | 'raw'): Way {
  const file = `installations/p6/${kind}-${kind === 'raw' ? 'raw' : 'values'}.yaml`
  const text = (tag: string) => (kind === 'raw' ? manifest('raw', tag) : values('chart', tag))
  const bare = makeBare(folder, `${kind}.git`, { ...chart, [file]: text('v1') })
  const work = join(folder, `${kind}-work`)
  git(folder, 'clone', '--quiet', bare, work)
  const mgo = makeMgo({ repo: bare, kubeconfig: rig.kubeconfig, helm: join(rig.bin, 'helm4') })
  return async (step) => {
    if (step === 'image') {
      put(work, { [file]: text('v2') })
      git(work, 'commit', '--quiet', '--all', '-m', 'v2')
      git(work, 'push', '--quiet')
    }
    ended(await mgo.run('sync', '--cluster', 'p6'))
    if (step === 'image') mgo.remove()
  }
}

function helmWay({ rig, folder }: Bench, name: 'helm3' | 'helm4'): Way {
  const home = join(folder, name)
  return async (step) => {
    put(home, { ...chart, 'values.yaml': `image: { repository: acme/app, tag: ${tagOf(step)} }\n` })
    const args = ['upgrade', '--install', name, join(home, 'charts/shop'), '--values', join(home, 'values.yaml')]
    ended(await call(join(rig.bin, name), [...args, '--kubeconfig', rig.kubeconfig], { HOME: home }))
  }
}

function kubectlWay({ rig, folder }: Bench): Way {
  const home = join(folder, 'kubectl')
  return async (step) => {
    put(home, { 'all.yaml': manifest('kubectl', tagOf(step)) })
    const args = ['apply', '--server-side', '-f', join(home, 'all.yaml'), '--kubeconfig', rig.kubeconfig]
    ended(await call(join(rig.bin, 'kubectl'), args, { HOME: home }))
  }
}

function ended({ code, stdout, stderr }: { readonly code: number; readonly stdout: string; readonly stderr: string }) {
  if (code !== 0) throw new Error(`it ended with ${code}: ${stderr || stdout}`)
}
