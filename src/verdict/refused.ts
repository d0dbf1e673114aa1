/**
 * Pods that are never made: a quota, a policy, a webhook or a missing service account says no to the controller.
 *
 * @module
 */
import type { K8sObject } from '../release/object.ts'
import type { VerdictCode } from './codes.ts'
import { isCurrent, timeMs, toldOf } from './events.ts'
import { itCame, missingIn, other, stillMissing } from './missing.ts'
import { countedMs, type Exceeded, exceededIn, hasRoom } from './quota.ts'
import type { Live } from './status.ts'
import { evidence, type Scene, short, type Trouble } from './trouble.ts'

type Row = { readonly says: RegExp; readonly code: VerdictCode; readonly hint: string }

const rows: readonly Row[] = [
  {
    says: /exceeded quota|must specify .*(?:cpu|memory|storage)/,
    code: 'QUOTA',
    hint: 'Raise the namespace’s ResourceQuota, or ask for less: kubectl describe quota.',
  },
  {
    says: /service ?account .*not found/i,
    code: 'SERVICE_ACCOUNT',
    hint: 'Create the ServiceAccount, or name another one.',
  },
  {
    says: /admission webhook|failed calling webhook/,
    code: 'WEBHOOK',
    hint: 'Look at the webhook that it names: what it forbids, or whether its own pods run.',
  },
  {
    says: /being terminated/,
    code: 'TERMINATING',
    hint: 'Wait until the namespace is gone, make it anew, and deploy again.',
  },
  {
    says: /(?:PriorityClass|RuntimeClass)\b.* (?:was )?not found|no PriorityClass with name/,
    code: 'ADMISSION',
    hint: 'Make the class that it names, or name another: kubectl get priorityclass,runtimeclass.',
  },
  { says: /./, code: 'ADMISSION', hint: 'A policy of the cluster refuses these pods: mend what it names.' },
]
/** The API server was busy or away; its clients try again. */
const passing =
  /^(?!.*failed calling webhook).*(?:timed? ?out|deadline exceeded|too many requests|connection refused|currently unable|try again later|object has been modified|etcdserver)/i

export type Refusal = {
  readonly message: string
  /** RFC 3339, of the last time. */
  readonly at?: string | undefined
  /** Whether something may leave and make room, so that a quota can still be met. `isRead`: what the quota holds is known. */
  readonly roomMayCome: (isRead: boolean) => boolean
}

/** Reads the words of a controller whose pods are refused. */
export function refusedPods(by: K8sObject, refusal: Refusal, scene: Scene): Trouble {
  const { message } = refusal
  const { code, hint } = rows.find(({ says }) => says.test(message)) ?? { code: 'ADMISSION' as const, hint: '' }
  const exceeded = code === 'QUOTA' ? exceededIn(message, by) : undefined
  if (exceeded !== undefined) return overQuota({ by, refusal, hint }, exceeded, scene)
  const missing = code === 'SERVICE_ACCOUNT' ? missingIn(message, by) : undefined
  const isPassing = code === 'ADMISSION' && passing.test(message)
  const word = isPassing ? 'waiting' : missing === undefined ? 'failed' : stillMissing(missing, scene)
  return {
    word,
    code,
    says: `its pods are refused: ${short(message)}${missing !== undefined && word === 'waiting' ? itCame : ''}`,
    hint,
    evidence: [evidence(by, `FailedCreate: ${message}`, refusal.at)],
    ...(missing === undefined ? {} : { asks: [missing.id] }),
  }
}

type Refused = { readonly by: K8sObject; readonly refusal: Refusal; readonly hint: string }

/**
 * A quota that is full is the end where nothing may leave. One that has room by now is none: the controller tries again,
 * though its pause doubles with each refusal, up to 1000 s.
 */
function overQuota({ by, refusal, hint }: Refused, exceeded: Exceeded, scene: Scene): Trouble {
  const { message, at, roomMayCome } = refusal
  const quota = other(exceeded.id, scene)
  const isRoom = quota !== undefined && hasRoom(exceeded, quota)
  return {
    word: isRoom || roomMayCome(quota !== undefined) ? 'waiting' : 'failed',
    code: 'QUOTA',
    says: `its pods are refused: ${short(message)}${isRoom ? roomCame : ''}`,
    hint: isRoom ? nudge(by) : hint,
    evidence: [evidence(by, `FailedCreate: ${message}`, at)],
    asks: [exceeded.id],
  }
}

const roomCame = ' (there is room now, and it is tried again)'

function nudge({ kind, metadata }: K8sObject): string {
  const { name, namespace = 'default' } = metadata
  const most = 'Its controller tries again by itself, 17 minutes after the last time at most.'
  // A change of whatever kind wakes that of a set.
  if (kind !== 'ReplicaSet') return most
  return `${most} At once: kubectl annotate replicaset ${name} -n ${namespace} --overwrite room="$(date)".`
}

/**
 * Pods that could not be made by this very object, as its events tell. What was said before its newest pod came, or
 * before it was changed, is over. A quota that was hit once may be met at the next try.
 *
 * @param pods - those that it has
 */
export function failedCreate(by: K8sObject, pods: readonly K8sObject[], scene: Live): Trouble | undefined {
  const newest = Math.max(0, ...pods.map((pod) => timeMs(pod.metadata.creationTimestamp)))
  const all = toldOf(by, scene.events).filter(
    (one) => one.reason === 'FailedCreate' && isCurrent(one, by) && timeMs(one.at) >= newest,
  )
  const last = all.at(-1)
  if (last === undefined) return undefined
  const tries = all.reduce((sum, one) => sum + one.times, 0)
  const roomMayCome = () => tries < 2 || (isReplacing(by) && scene.nowMs < timeMs(all[0]?.at) + countedMs)
  return refusedPods(by, { message: last.message, at: last.at, roomMayCome }, scene)
}

/** A second version takes the place of its own pods: that one of them has left, the quota hears a few tries later. */
function isReplacing({ metadata }: K8sObject): boolean {
  return (metadata.generation ?? 1) > 1
}
