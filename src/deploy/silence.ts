/**
 * Says what a deploy waits for while its cluster does not answer, so that whoever follows it does not look at nothing.
 *
 * @module
 */
import type { World } from '../ports.ts'
import type { Cluster } from '../release/ids.ts'

/** An API server that is well answers long before; then again and again. Milliseconds. */
const firstMs = 5_000
const againMs = 30_000

type Waiting = {
  readonly cluster: Cluster
  /** `namespace/name` of what is waited for. */
  readonly units: readonly string[]
  readonly world: Pick<World, 'clock' | 'tell'>
}

/** What `work` gives. Until then the askers hear every now and then that the cluster has said nothing yet. */
export async function whileSilent<T>(work: Promise<T>, waiting: Waiting): Promise<T> {
  const answered = new AbortController()
  void say(waiting, answered.signal)
  try {
    return await work
  } finally {
    answered.abort()
  }
}

async function say({ cluster, units, world }: Waiting, answered: AbortSignal): Promise<void> {
  const { clock, tell } = world
  const begun = clock.now()
  for (let ms = firstMs; ; ms = againMs) {
    await clock.sleep(ms, answered)
    if (answered.aborted) return
    const seconds = Math.round((clock.now() - begun) / 1000)
    const reason = `the API server of ${cluster} has not answered for ${seconds} s; the commit is made`
    for (const unit of units) tell({ kind: 'waiting', cluster, unit, reason })
  }
}
