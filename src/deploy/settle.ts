/**
 * Waits until a release's objects are as asked, at an end, or out of time. Level-triggered: state first, then changes;
 * what is judged is always the state as it is now, never what an event said.
 *
 * @module
 */
import type { Clock, Kube, Selection } from '../ports.ts'
import { apiVersion, type K8sObject, objectId, objectKey, showObject } from '../release/object.ts'
import type { Cluster } from '../release/ids.ts'
import type { ReleaseVerdict } from '../release/verdict.ts'
import type { Tell } from '../event/event.ts'
import { taken } from '../verdict/asked.ts'
import { type Status, status } from '../verdict/status.ts'
import { type Judged, type Summary, summary } from '../verdict/verdict.ts'
import { eventsOf, isJudged, puzzles, relatedOf } from '../verdict/watched.ts'
import { type Sight, sight } from './sight.ts'

export type Settling = {
  readonly kube: Kube
  /** The manifests as applied, with their namespace filled in. */
  readonly objects: readonly K8sObject[]
  readonly timeoutMs: number
  readonly cluster: Cluster
  readonly unit: string
}

export type SettleWorld = { readonly clock: Clock; readonly tell: Tell }

type Watched = { readonly object: K8sObject; readonly hasStatus: boolean; readonly related: readonly Selection[] }

/** Events are looked at when something still waits after this long; most things are ready sooner. */
const puzzledMs = 700
/** Time alone can end a wait (a deadline of the Deployment's own), so the state is judged again this often. */
const tickMs = 1_000
/** Objects of one release whose events are watched at most: a cause is found with the first. */
const puzzlesKept = 4

/** Gives the verdict; the caller adds revision and release. Throws MgoError KUBE_* where nothing can be seen. */
export async function settle(asked: Settling, { clock, tell }: SettleWorld): Promise<ReleaseVerdict> {
  const watched = await watchedOf(asked)
  if (watched.length === 0) return verdict(asked, summary(asked.objects.map(there)))
  const startedMs = clock.now()
  const seen = sight(asked.kube)
  try {
    for (const selection of selections(watched)) seen.watch(selection)
    let told = ''
    for (;;) {
      const changed = seen.changed()
      const nowMs = clock.now()
      const failure = seen.failure()
      if (failure !== undefined) throw failure
      if (seen.isComplete()) {
        const found = judge(watched, seen, { nowMs, startedMs })
        const sum = summary(found.judged)
        if (sum.word !== 'waiting') return verdict(asked, sum)
        if (nowMs - startedMs > asked.timeoutMs) return timedOut(asked, sum)
        if (nowMs - startedMs > puzzledMs) look(found.puzzles, seen)
        if (sum.says !== told) tell({ kind: 'waiting', cluster: asked.cluster, unit: asked.unit, reason: sum.says })
        told = sum.says
      } else if (nowMs - startedMs > asked.timeoutMs) return timedOut(asked, blind)
      await pause(changed, clock)
    }
  } finally {
    seen.close()
  }
}

const blind: Summary = { word: 'waiting', says: 'the API server does not say how its objects are', object: undefined }

async function pause(changed: Promise<void>, clock: Clock): Promise<void> {
  const stop = new AbortController()
  await Promise.race([changed, clock.sleep(tickMs, stop.signal)])
  stop.abort()
}

async function watchedOf({ kube, objects }: Settling): Promise<readonly Watched[]> {
  const found = await Promise.all(
    objects.map(async (object) => {
      const id = objectId(object)
      const resource = await kube.resource(id.group, id.version, id.kind)
      const hasStatus = resource?.hasStatus ?? false
      if (resource === undefined || !isJudged(object, hasStatus)) return []
      const namespace = resource.namespaced ? id.namespace || kube.namespace : ''
      const own: Selection = { resource, namespace, fields: `metadata.name=${id.name}` }
      return [{ object, hasStatus, related: [own, ...relatedOf(object, namespace)] }]
    }),
  )
  return found.flat()
}

/** One watch for each selection, however many objects share it. */
function selections(watched: readonly Watched[]): readonly Selection[] {
  return watched.flatMap((one) => one.related)
}

type Times = { readonly nowMs: number; readonly startedMs: number }
type Found = { readonly judged: readonly Judged[]; readonly puzzles: readonly K8sObject[] }

function judge(watched: readonly Watched[], seen: Sight, times: Times): Found {
  const judged: Judged[] = []
  const open: K8sObject[] = []
  for (const { object, hasStatus } of watched) {
    const key = objectKey(objectId(object))
    const live = seen.object(key)
    if (live === undefined) {
      judged.push({ object, status: missing(object) })
      continue
    }
    const { related, events } = seen.around(live)
    const found =
      taken(object, live, seen.first(key) ?? live) ??
      status({ object: live, related, events, hasStatus, nowMs: times.nowMs, sinceMs: times.startedMs })
    judged.push({ object: live, status: found })
    open.push(...puzzles(live, found, related))
  }
  return { judged, puzzles: open }
}

function look(open: readonly K8sObject[], seen: Sight): void {
  for (const { metadata } of open.slice(0, puzzlesKept))
    if (metadata.uid !== undefined) seen.explain(metadata.uid, eventsOf(metadata.uid, metadata.namespace ?? 'default'))
}

function missing(object: K8sObject): Status {
  const id = objectId(object)
  return {
    word: 'failed',
    says: 'it is not on the cluster: somebody deleted it',
    code: 'DELETED',
    hint: `Deploy again to bring ${showObject(id)} (${apiVersion(id)}) back.`,
  }
}

function there(object: K8sObject): Judged {
  return { object, status: { word: 'current', says: 'it is there' } }
}

function verdict(asked: Settling, sum: Summary): ReleaseVerdict {
  const { says, code, hint, evidence } = sum
  return {
    release: asked.unit,
    verdict: sum.word === 'failed' ? 'failed' : 'healthy',
    reason: says,
    ...(code === undefined ? {} : { code }),
    ...(evidence === undefined ? {} : { evidence }),
    ...(hint === undefined ? {} : { hint }),
  }
}

function timedOut(asked: Settling, sum: Summary): ReleaseVerdict {
  const seconds = Math.round(asked.timeoutMs / 1000)
  return {
    ...verdict(asked, sum),
    verdict: 'timed-out',
    reason: `not ready after ${seconds} s: ${sum.says}`,
    hint: sum.hint ?? 'Look at its pods, or give it more time with `timeout:` in the header.',
  }
}
