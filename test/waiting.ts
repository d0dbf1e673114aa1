/**
 * A wait for a verdict on a scripted cluster.
 *
 * @module
 */
import { settle } from '../src/deploy/settle.ts'
import type { Event } from '../src/event/event.ts'
import type { Cluster } from '../src/release/ids.ts'
import type { K8sObject } from '../src/release/object.ts'
import type { ReleaseVerdict } from '../src/release/verdict.ts'
import { deployment } from './objects.ts'
import type { Script } from './world.ts'

export type Waited = { readonly verdict: () => ReleaseVerdict | undefined; readonly told: readonly Event[] }

/** Begins to wait. What the manifest says is what `deployment()` says, unless given. */
export function wait(
  { kube, clock }: Pick<Script, 'kube' | 'clock'>,
  objects: readonly K8sObject[] = [manifest()],
  timeoutMs = 60_000,
): Waited {
  const told: Event[] = []
  let verdict: ReleaseVerdict | undefined
  void settle(
    { kube, objects, timeoutMs, cluster: 'prod' as Cluster, unit: 'shop/web' },
    { clock, tell: (one) => told.push(one) },
  ).then((found) => {
    verdict = found
  })
  return { verdict: () => verdict, told }
}

/** As helm gives it: without anything that only the API server knows. */
export function manifest(image = 'shop/web:v2'): K8sObject {
  const { uid: _, generation: __, managedFields: ___, annotations: ____, ...metadata } = deployment().metadata
  return { ...deployment({ image }), metadata: metadata as K8sObject['metadata'] }
}

/** The counts of a rollout that is half done. */
export const halfDone = { replicas: 3, updatedReplicas: 1, readyReplicas: 2, availableReplicas: 2 }
