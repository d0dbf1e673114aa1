/**
 * Why a container dies again and again. Dead once is no loop: the node starts it again at once, and many come up that
 * way. Dead twice and held back (CrashLoopBackOff) is one.
 *
 * @module
 */
import type { K8sObject } from '../release/object.ts'
import { at, numberAt, textAt } from './at.ts'
import type { VerdictCode } from './codes.ts'
import { logsOf } from './command.ts'
import type { Container } from './container.ts'
import type { Told } from './events.ts'
import { evidence, short, type Trouble } from './trouble.ts'

type Death = {
  readonly exit: number | undefined
  readonly reason: string
  readonly message: string
  readonly at: string | undefined
}

/** Judges a container that is dead, or was and is held back. `undefined` where it runs. */
export function crashTrouble(one: Container, pod: K8sObject, told: readonly Told[]): Trouble | undefined {
  const isHeld = textAt(one.status, 'state', 'waiting', 'reason') === 'CrashLoopBackOff'
  const restarts = numberAt(one.status, 'restartCount') ?? 0
  const last = at(one.status, 'state', 'terminated') ?? at(one.status, 'lastState', 'terminated')
  if (last === undefined && !isHeld) return undefined
  const death = deathOf(last)
  const isLoop = isHeld && restarts >= 1
  const cause = causeOf(one, death, { pod, told })
  const node = textAt(pod, 'spec', 'nodeName')
  const who = `the ${one.role} ${one.name}${node === undefined ? '' : ` on ${node}`}`
  const said = death.message === '' ? '' : ` (${death.message})`
  const often = `${isHeld ? restarts + 1 : Math.max(1, restarts)} times so far`
  const proof = `${isHeld ? 'CrashLoopBackOff' : 'terminated'}, ${ending(death)}${death.reason === '' ? '' : `, ${death.reason}`}`
  return {
    word: isLoop ? 'failed' : 'waiting',
    code: cause.code,
    says: isLoop
      ? `${who} crashes: ${cause.says}${said}, ${often}`
      : `${who} ended: ${cause.says}${said}; it is started again`,
    hint: cause.hint,
    evidence: [
      evidence(pod, proof, death.at),
      ...cause.proof.map((event) => evidence(pod, `${event.reason}: ${event.message}`, event.at)),
    ],
  }
}

function deathOf(last: unknown): Death {
  return {
    exit: numberAt(last, 'exitCode'),
    reason: textAt(last, 'reason') ?? '',
    // Its own last words (terminationMessagePath) end with what matters.
    message: short((textAt(last, 'message') ?? '').trim().split('\n').at(-1) ?? ''),
    at: textAt(last, 'finishedAt'),
  }
}

type Cause = {
  readonly code: VerdictCode
  readonly says: string
  readonly hint: string
  readonly proof: readonly Told[]
}

type Around = { readonly pod: K8sObject; readonly told: readonly Told[] }

function causeOf(one: Container, death: Death, { pod, told }: Around): Cause {
  if (death.reason === 'OOMKilled')
    return {
      code: 'OUT_OF_MEMORY',
      says: `it was killed for memory (OOMKilled${one.memory === undefined ? '' : `, limit ${one.memory}`})`,
      hint: 'Raise its memory limit, or find what fills it.',
      proof: [],
    }
  if (/^(?:StartError|ContainerCannotRun)$/.test(death.reason))
    return {
      code: 'START_ERROR',
      says: `it cannot be started, ${ending(death)}`,
      hint: 'Mend its command, or the image: the node cannot run that program.',
      proof: [],
    }
  const probed = probeCause(one, death, told)
  if (probed !== undefined) return probed
  // Held back or running again: its last words are those of the container before this one.
  const isAgain = at(one.status, 'state', 'terminated') === undefined
  const hint = `Read its last words: ${logsOf(pod, one.name, isAgain)}.`
  const code = one.role === 'init container' ? 'INIT_CONTAINER' : 'CRASH_LOOP'
  return { code, says: ending(death), hint, proof: [] }
}

/** Killed by the node, because a probe failed: the node says so, whatever code the container ends with. */
function probeCause(one: Container, death: Death, told: readonly Told[]): Cause | undefined {
  const mine = told.filter(
    ({ container, message }) => (container ?? one.name) === one.name || message.includes(one.name),
  )
  const kill = mine.findLast(
    ({ reason, message }) => reason === 'Killing' && /(?:liveness|startup) probe/i.test(message),
  )
  const fails = mine.findLast(
    ({ reason, message }) => reason === 'Unhealthy' && /^(?:liveness|startup) probe/i.test(message),
  )
  const isKilled = death.exit === 137 || death.exit === 143
  const proof = [fails, kill].filter((event) => event !== undefined)
  if (kill === undefined && (fails === undefined || !isKilled)) return undefined
  const words = kill?.message ?? fails?.message ?? ''
  const why =
    fails === undefined ? '' : `: ${short(fails.message.replace(/^\w+ probe (?:failed|errored)[^:]*: /i, ''))}`
  if (/startup probe/i.test(words))
    return {
      code: 'STARTUP_PROBE',
      says: `the node kills it, because its startup probe fails${why}`,
      hint: 'Give it more time to start (failureThreshold × periodSeconds), or mend the probe.',
      proof,
    }
  return {
    code: 'LIVENESS',
    says: `the node kills it, because its liveness probe fails${why}`,
    hint: 'Mend the probe, or what it asks for; a slow start needs a startupProbe.',
    proof,
  }
}

/** What well-known codes say (128 + signal, and the shell's own). */
const known: Readonly<Record<number, string>> = {
  0: 'Completed: it ends, and should serve',
  126: 'its program may not be run',
  127: 'its program was not found',
  132: 'SIGILL: built for another processor?',
  134: 'SIGABRT',
  137: 'SIGKILL',
  139: 'SIGSEGV',
  143: 'SIGTERM',
}

function ending({ exit }: Death): string {
  if (exit === undefined) return 'it ends again and again'
  const meaning = known[exit]
  return `it exited with code ${exit}${meaning === undefined ? '' : ` (${meaning})`}`
}
