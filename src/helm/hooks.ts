/**
 * What helm itself waits for while it upgrades: the chart's hooks. It writes them into its record before it runs the
 * first one, so they can be watched while helm is silent.
 *
 * @module
 */
import type { Hooks, Kube, Target } from '../ports.ts'
import type { K8sObject } from '../release/object.ts'
import type { Release } from '../release/release.ts'
import { manifestObjects, payloadOf } from './payload.ts'

/** Helm waits for the end of these; of other kinds only that they are there. */
const waitedFor = new Set(['Job', 'Pod'])
const none: Hooks = { objects: [], notBefore: '' }

/**
 * The hooks of a revision, once helm has written its record; none where `signal` aborts before.
 *
 * @param revision - the one that helm is making
 */
export async function hooksOf(
  { name, namespace }: Pick<Release, 'name' | 'namespace'>,
  revision: number,
  { kube, signal }: Pick<Target, 'kube' | 'signal'>,
): Promise<Hooks> {
  const secret = await appears(kube, { namespace, name: `sh.helm.release.v1.${name}.v${revision}` }, signal)
  if (secret === undefined) return none
  const { manifest, hooks = [], info } = payloadOf(secret)
  const now = info?.status?.includes('install') === true || revision === 1 ? 'install' : 'upgrade'
  const at = async (moments: readonly string[]): Promise<readonly K8sObject[]> => {
    const mine = hooks.filter(({ events = [] }) => events.some((event) => moments.includes(event)))
    const objects = await manifestObjects(mine.map((hook) => hook.manifest).join('\n---\n'), namespace, kube)
    return objects.filter(({ kind }) => waitedFor.has(kind))
  }
  const following = await at([`post-${now}`])
  return {
    objects: await at([`pre-${now}`, `post-${now}`]),
    notBefore: secret.metadata.creationTimestamp ?? '',
    ...(following.length === 0
      ? {}
      : { own: { objects: await manifestObjects(manifest, namespace, kube), following } }),
  }
}

type Wanted = { readonly namespace: string; readonly name: string }

async function appears(kube: Kube, { namespace, name }: Wanted, signal?: AbortSignal): Promise<K8sObject | undefined> {
  const stop = new AbortController()
  const end = () => stop.abort()
  signal?.addEventListener('abort', end, { once: true })
  try {
    const resource = { group: '', version: 'v1', plural: 'secrets', namespaced: true }
    for await (const event of kube.watch({ resource, namespace, fields: `metadata.name=${name}` }, stop.signal))
      if (event.kind === 'added') return event.object
    return undefined
  } finally {
    signal?.removeEventListener('abort', end)
    stop.abort()
  }
}
