/**
 * The ground of one case: its namespace with all that is there before the deploy, and what is left of it afterwards.
 *
 * @module
 */
import type { K8sObject } from '../../src/release/object.ts'
import { objectId } from '../../src/release/object.ts'
import { type Api, merge, openApi, pathOf } from '../puppet/api.ts'
import type { PuppetRig } from '../puppet/rig.ts'
import { amiss } from './eyes.ts'
import type { Prepare, Proof, Rollout } from './rollout.ts'

export type Ground = {
  readonly rig: PuppetRig
  readonly api: Api
  readonly namespace: string
  readonly rollout: Rollout
  /** An object with its namespace filled in, where its kind has one. */
  readonly place: (object: K8sObject) => Promise<K8sObject>
}

const settleMs = 60_000
const proofMs = 30_000
const admissionMs = 3_000

/** Makes the namespace, gives its puppets their script, and lays what belongs to others. */
export async function layGround(rig: PuppetRig, rollout: Rollout, namespace: string): Promise<Ground> {
  const api = openApi({ ...rig, agent: 'rollouts' })
  const { cluster = {}, kubelet = [] } = rollout
  const { storage = [], balancers = [], controllers = [], nodes = [] } = cluster
  rig.puppets.perform(namespace, { kubelet, storage, balancers, operators: controllers })
  const made = await api.ask({
    method: 'POST',
    path: '/api/v1/namespaces',
    body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels: cluster.labels ?? {} } },
  })
  if (made.status >= 300) throw new Error(`the namespace ${namespace}: ${JSON.stringify(made.body)}`)
  for (const one of nodes) await rig.puppets.nodes.add(one)
  for (const { name } of nodes) await rig.puppets.nodes.ready(name)
  const account = `/api/v1/namespaces/${namespace}/serviceaccounts/default`
  await until(`the service account of ${namespace}`, settleMs, async () => {
    return (await api.ask({ method: 'GET', path: account })).status === 200
  })
  const ground = { rig, api, namespace, rollout, place: (object: K8sObject) => place(object, api, namespace) }
  for (const object of cluster.objects ?? []) await lay(object, ground)
  return ground
}

async function place(object: K8sObject, { kube }: Api, namespace: string): Promise<K8sObject> {
  if (object.metadata.namespace !== undefined) return object
  const { group, version, kind } = objectId(object)
  const resource = await kube.resource(group, version, kind)
  // A kind that the cluster does not serve yet is one of the release's own, and those have namespaces.
  if (resource?.namespaced === false) return object
  return { ...object, metadata: { ...object.metadata, namespace } }
}

async function lay(object: K8sObject, { api, namespace }: Pick<Ground, 'api' | 'namespace'>): Promise<void> {
  const placed = await place(object, api, namespace)
  await api.kube.apply(placed, { manager: 'somebody', force: true })
  if (object.kind !== 'CustomResourceDefinition') return
  await until(`${object.metadata.name} is served`, settleMs, async () => (await amiss(api, [object])).length === 0)
}

/** Waits until a release is as asked for, or as long as its file says. */
export async function settled({ api, rollout, place: placing }: Ground, objects: readonly K8sObject[]): Promise<void> {
  if (rollout.settle !== undefined) return sleep(Number.parseFloat(rollout.settle) * 1000)
  const placed = await Promise.all(objects.map(placing))
  await until('the first version', settleMs, async () => (await amiss(api, placed)).length === 0)
}

/** What the file does just before the deploy. */
export async function prepare(ground: Ground): Promise<void> {
  const steps = ground.rollout.cluster?.prepare ?? []
  for (const step of steps) await prepareOne(step, ground)
  const isRule = (step: Prepare) => 'apply' in step && step.apply.apiVersion.startsWith('admissionregistration.k8s.io/')
  if (steps.some(isRule)) await sleep(admissionMs)
}

async function prepareOne(step: Prepare, ground: Ground): Promise<void> {
  const { api, namespace, rollout } = ground
  if ('apply' in step) return lay(step.apply, ground)
  const { kind, name } = 'delete' in step ? step.delete : step.scale
  const path = pathOf(await api.kind(kind), namespace, name)
  if ('delete' in step) {
    await api.ask({ method: 'DELETE', path })
    return
  }
  const body = { spec: { replicas: step.scale.replicas } }
  await api.ask({ method: 'PATCH', path: `${path}/scale`, contentType: merge, body })
  if (rollout.settle !== undefined) return
  const objects = await Promise.all((rollout.before ?? []).map(ground.place))
  await until('the new scale', settleMs, async () => (await amiss(api, objects)).length === 0)
}

/** What the cluster does not show of a case's truth, though it was waited for: its proofs, and that its word is so. */
export async function unproven(ground: Ground): Promise<readonly string[]> {
  // A client of its own: the release may have brought kinds.
  const api = openApi({ ...ground.rig, agent: 'rollouts' })
  try {
    let open = ground.rollout.proof ?? []
    const end = performance.now() + proofMs
    for (;;) {
      const seen = await Promise.all(open.map((proof) => shows(api, ground.namespace, proof)))
      open = open.filter((_, i) => seen[i] !== true)
      const untrue = await contradiction(api, ground)
      if (open.length === 0 && untrue === undefined) return []
      if (performance.now() > end)
        return [
          ...open.map(({ kind, text }) => `shows no ${kind} with ${text}`),
          ...(untrue === undefined ? [] : [untrue]),
        ]
      await sleep(500)
    }
  } finally {
    await api.close()
  }
}

async function contradiction(api: Api, { rollout, place: placing }: Ground): Promise<string | undefined> {
  const [first] = await amiss(api, await Promise.all(rollout.after.map(placing)))
  if (rollout.want.word === 'healthy') return first === undefined ? undefined : `finds that ${first}`
  return first === undefined ? 'finds it healthy' : undefined
}

async function shows(api: Api, namespace: string, { kind, name, text }: Proof): Promise<boolean> {
  const resource = await api.kind(kind)
  const objects = await api.kube.list({ resource, namespace })
  const wanted = new RegExp(text)
  return objects.some((one) => (name ?? one.metadata.name) === one.metadata.name && wanted.test(JSON.stringify(one)))
}

/** Clears the ground; nobody waits for the namespace to go. */
export async function clearGround({ rig, api, namespace, rollout }: Ground): Promise<void> {
  const remove = (path: string) => api.ask({ method: 'DELETE', path }).catch(() => undefined)
  const prepared = (rollout.cluster?.prepare ?? []).flatMap((step) => ('apply' in step ? [step.apply] : []))
  for (const object of [...prepared, ...(rollout.cluster?.objects ?? []), ...rollout.after]) {
    const { group, version, kind, name } = objectId(object)
    const resource = await api.kube.resource(group, version, kind).catch(() => undefined)
    if (resource !== undefined && !resource.namespaced) await remove(pathOf(resource, '', name))
  }
  await remove(`/api/v1/namespaces/${namespace}`)
  rig.puppets.leave(namespace)
  for (const { name } of rollout.cluster?.nodes ?? []) await rig.puppets.nodes.remove(name)
  await api.close()
}

/** Waits so many milliseconds. */
function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

async function until(what: string, ms: number, done: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + ms
  while (!(await done())) {
    if (performance.now() > end) throw new Error(`${what} was not there after ${ms / 1000} s`)
    await sleep(100)
  }
}
