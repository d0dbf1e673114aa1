/**
 * One look at how a release is, without waiting for it to change.
 *
 * @module
 */
import type { Clock, Kube } from '../ports.ts'
import type { K8sObject } from '../release/object.ts'
import { type Eyes, type Look, openEyes } from './eyes.ts'
import { leaving, type Subject, subjectsOf } from './subject.ts'

export type Glancing = {
  readonly kube: Kube
  readonly objects: readonly K8sObject[]
  /** RFC 3339; see `openEyes`. */
  readonly notBefore?: string
}

/** Who merely takes his time is asked for his events a little later; so long a look lasts where all is not well. */
const slowMs = 600
const swarmMs = 100

/** Looks. `undefined` where the API server said nothing in time (ms). Throws MgoError KUBE_*. */
export async function glance(
  { kube, objects, notBefore }: Glancing,
  clock: Clock,
  withinMs: number,
): Promise<Look | undefined> {
  const subjects = await subjectsOf(kube, objects)
  const eyes = openEyes({ kube, subjects, clock, ...(notBefore === undefined ? {} : { notBefore }) })
  const plain = subjects.filter((one) => one.kind === 'plain')
  const startedMs = clock.now()
  let isWhole = false
  try {
    for (;;) {
      const changed = eyes.changed()
      const look = eyes.look()
      const passedMs = clock.now() - startedMs
      if (passedMs >= withinMs || (look !== undefined && isTold(look, passedMs))) {
        if (look?.sum.word !== 'current' || isWhole) return look
        isWhole = true
        if (await isAllThere(plain, { kube, eyes })) return look
        continue
      }
      const stop = new AbortController()
      await Promise.race([changed, clock.sleep(Math.min(withinMs - passedMs, swarmMs), stop.signal)])
      stop.abort()
    }
  } finally {
    eyes.close()
  }
}

function isTold({ sum, isExplained }: Look, passedMs: number): boolean {
  return sum.word === 'current' || (isExplained && (sum.word === 'failed' || passedMs > slowMs))
}

/** What is merely there, is it? What is not is judged with the rest from then on. */
async function isAllThere(
  plain: readonly Subject[],
  { kube, eyes }: { readonly kube: Kube; readonly eyes: Eyes },
): Promise<boolean> {
  const gone = await leaving(kube, plain)
  eyes.add(gone)
  return gone.length === 0
}
