/**
 * Looks at a release: which watches it takes, what is judged of what they show, and whether that is the whole story. A
 * look is taken of the state as it is now, never of what an event said.
 *
 * @module
 */
import type { Clock, Kube, Selection } from '../ports.ts'
import { apiVersion, type K8sObject, showObject } from '../release/object.ts'
import { isOlder, taken } from '../verdict/asked.ts'
import { numberAt } from '../verdict/at.ts'
import { statusOf } from '../verdict/kinds.ts'
import type { Status } from '../verdict/status.ts'
import { doubtMs, type PodHistory, watchPod } from '../verdict/steady.ts'
import { type Judged, type Summary, summary } from '../verdict/verdict.ts'
import { eventsOf, relatedOf, suspects, type Suspect } from '../verdict/watched.ts'
import { openOthers, type Others } from './others.ts'
import { type Seen, type Sight, sight } from './sight.ts'
import type { Subject } from './subject.ts'

export type Look = {
  readonly sum: Summary
  /** Whether everything was read that might tell more about it. */
  readonly isExplained: boolean
  /** Milliseconds that green must still wait for pods that give reason to doubt it. */
  readonly doubtMs: number
  /** Milliseconds that green must hold by the rules of a kind. */
  readonly steadyMs: number
  /** Whether a pod was seen ready and then not. */
  readonly hasFallen: boolean
}

export type Eyes = {
  /** Looks at what is there. `undefined` until the state has been read. Throws MgoError KUBE_* where nothing can be seen. */
  look(): Look | undefined
  changed(): Promise<void>
  /** Whether no connection is lost at the moment. */
  isLive(): boolean
  /** Watches these as well: objects that were thought to be merely there. */
  add(subjects: readonly Subject[]): void
  close(): void
}

type Given = {
  readonly kube: Kube
  readonly subjects: readonly Subject[]
  readonly clock: Clock
  /** RFC 3339, by the API server's clock: what is older is a leftover, and what is not there will come. */
  readonly notBefore?: string
}

/** What is remembered from look to look. */
type Memory = {
  readonly notBefore: string | undefined
  readonly sinceMs: number
  /** Each object as the apply gave it back, else as first seen. */
  readonly base: Map<string, K8sObject>
  readonly pods: Map<string, PodHistory>
  /** When somebody was first under suspicion; and whose events are watched. */
  readonly suspected: Map<string, number>
  readonly explained: Map<string, Selection>
}

/** Events of somebody who merely takes his time are looked at after this long; most things are ready sooner. */
const slowMs = 400
/** Objects of one release whose events are watched at most: a cause is found with the first. */
const explainedMost = 8

/** Opens the eyes for a release. */
export function openEyes({ kube, subjects, clock, notBefore }: Given): Eyes {
  const watched = subjects.filter((one) => one.kind === 'judged')
  const seeing = sight(kube)
  const memory: Memory = {
    notBefore,
    sinceMs: clock.now(),
    base: new Map(watched.flatMap(({ key, object }) => (object.metadata.uid === undefined ? [] : [[key, object]]))),
    pods: new Map(),
    suspected: new Map(),
    explained: new Map(),
  }
  const others = openOthers(kube, seeing.wake)
  const course: Course = { clock, seeing, memory, others, watched, plain: subjects.length - watched.length }
  seeing.watch({ state: watched.map(({ own }) => own), events: [] })
  return {
    look: () => lookAt(course),
    changed: seeing.changed,
    isLive: seeing.isLive,
    add(more) {
      const known = new Set(watched.map(({ key }) => key))
      watched.push(...more.filter(({ key }) => !known.has(key)))
      seeing.watch({ state: watched.map(({ own }) => own), events: [...memory.explained.values()] })
    },
    close: () => seeing.close(),
  }
}

type Course = {
  readonly clock: Clock
  readonly seeing: Sight
  readonly memory: Memory
  readonly others: Others
  readonly watched: Subject[]
  /** Objects that are merely there, and are not watched. */
  readonly plain: number
}

function lookAt({ clock, seeing, memory, others, watched, plain }: Course): Look | undefined {
  const failure = seeing.failure()
  if (failure !== undefined) throw failure
  if (!seeing.isComplete('state')) return undefined
  const nowMs = clock.now()
  const seen = seeing.seen()
  const known = others.known()
  const found = watched.map((subject) => judge(subject, { seen, memory, known, nowMs }))
  suspect(
    found.flatMap((one) => one.suspects),
    { seen, memory, known, nowMs },
  )
  const state = [...watched.map((one) => one.own), ...found.flatMap((one) => one.selections)]
  seeing.watch({ state, events: [...memory.explained.values()] })
  if (!seeing.isComplete('state')) return undefined
  const judged = found.map((one) => one.judged)
  const asks = judged.flatMap(({ status }) => status.asks ?? [])
  others.ask(asks, nowMs)
  return {
    sum: summary(judged, plain),
    isExplained: seeing.isComplete('events') && others.isAnswered(asks),
    doubtMs: Math.max(0, ...found.map((one) => one.doubtMs)),
    steadyMs: Math.max(0, ...judged.map(({ status }) => status.steadyMs ?? 0)),
    hasFallen: [...memory.pods.values()].some(({ falls }) => falls > 0),
  }
}

type At = {
  readonly seen: Seen
  readonly memory: Memory
  readonly known: ReturnType<Others['known']>
  readonly nowMs: number
}
type Found = {
  readonly judged: Judged
  readonly selections: readonly Selection[]
  readonly suspects: readonly Suspect[]
  readonly doubtMs: number
}

function judge(subject: Subject, { seen, memory, known, nowMs }: At): Found {
  const { object, key, hasStatus } = subject
  const live = seen.objects.get(key)
  if (live === undefined || isLeftover(live, memory))
    return { judged: { object, status: absent(subject, memory) }, ...nothing }
  const base = memory.base.get(key) ?? live
  memory.base.set(key, base)
  const related = relatives(live, seen)
  const given = { object: live, related, events: seen.events, hasStatus, nowMs, sinceMs: memory.sinceMs, others: known }
  const found = isOlder(live, base) ? late : (taken(object, live, base) ?? statusOf(given))
  const pods = related.filter((one) => one.kind === 'Pod')
  const doubts = pods.map((pod) => {
    const uid = pod.metadata.uid ?? ''
    const history = watchPod(memory.pods.get(uid), pod, nowMs)
    memory.pods.set(uid, history)
    return doubtMs(pod, history, nowMs)
  })
  return {
    judged: { object: live, status: found },
    selections: relatedOf(live, { known: related, isRead: seen.isRead }),
    suspects: suspects(live, found, related),
    doubtMs: Math.max(0, ...doubts),
  }
}

const nothing = { selections: [], suspects: [], doubtMs: 0 } as const
const expired: Status = {
  word: 'current',
  says: 'it has ended and was taken away, as its ttlSecondsAfterFinished says',
}

const yet: Status = { word: 'waiting', says: 'it is not there yet' }

function isLeftover({ metadata }: K8sObject, { notBefore }: Memory): boolean {
  return notBefore !== undefined && (metadata.creationTimestamp ?? '') < notBefore
}

function absent(subject: Subject, { notBefore }: Memory): Status {
  if (notBefore !== undefined) return yet
  return isExpired(subject.object) ? expired : missing(subject)
}

function isExpired(object: K8sObject): boolean {
  return object.kind === 'Job' && numberAt(object, 'spec', 'ttlSecondsAfterFinished') !== undefined
}

const late: Status = { word: 'waiting', says: 'this API server has not heard of its new version yet' }

/** What an object's controller made, and what that made in turn. */
function relatives({ metadata }: K8sObject, { owned }: Seen): readonly K8sObject[] {
  const children = owned.get(metadata.uid ?? '') ?? []
  return [...children, ...children.flatMap((child) => owned.get(child.metadata.uid ?? '') ?? [])]
}

/** Whose events are watched from now on. Who is ready or gone makes room for others. */
function suspect(found: readonly Suspect[], { seen, memory, nowMs }: At): void {
  const { suspected, explained } = memory
  const there = new Set([...seen.objects.values()].map((one) => one.metadata.uid))
  for (const uid of explained.keys()) if (!there.has(uid)) explained.delete(uid)
  for (const { object, sure } of found) {
    const uid = object.metadata.uid ?? ''
    const since = suspected.get(uid) ?? nowMs
    suspected.set(uid, since)
    if (explained.has(uid) || (!sure && nowMs - since < slowMs)) continue
    const wanted = new Set(found.map((one) => one.object.metadata.uid))
    const idle = [...explained.keys()].find((one) => !wanted.has(one))
    if (explained.size >= explainedMost && idle !== undefined) explained.delete(idle)
    if (explained.size < explainedMost) explained.set(uid, eventsOf(object))
  }
}

function missing({ id }: Subject): Status {
  return {
    word: 'failed',
    says: 'it is not on the cluster: somebody deleted it',
    code: 'DELETED',
    hint: `Deploy again to bring ${showObject(id)} (${apiVersion(id)}) back.`,
  }
}
