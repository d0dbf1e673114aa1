/**
 * Gives every pod that comes to one of our nodes its play, and ends it when somebody deletes it.
 *
 * @module
 */
import type { K8sObject } from '../../src/release/object.ts'
import { type Actor, openActor } from './actor.ts'
import { type Api, follow, pods, quietly } from './api.ts'
import type { Record } from './events.ts'
import { endPod, playPod } from './pod.ts'
import type { ContainerSpec, Match, Pod, Rule, ScriptOf } from './script.ts'

export type Stage = {
  readonly api: Api
  readonly record: Record
  readonly signal: AbortSignal
  readonly scriptOf: ScriptOf
  readonly say: (line: string) => void
}

type Player = { readonly actor: Actor; readonly play: AbortController; readonly whole: AbortController }

/** Plays the pods of all nodes that `isOurs` knows, until the stage's signal aborts. */
export async function kubelet(stage: Stage, isOurs: (node: string) => boolean): Promise<void> {
  const { api, signal } = stage
  const players = new Map<string, Player>()
  const cast = casting(stage.scriptOf)
  const there = (pod: Pod) => {
    const { uid = '', deletionTimestamp } = pod.metadata
    if (!isOurs(pod.spec.nodeName ?? '')) return
    const player = players.get(uid)
    if (player === undefined) {
      if (['Succeeded', 'Failed'].includes(pod.status?.phase ?? '') && deletionTimestamp === undefined) return
      players.set(uid, enter(pod, { stage, rules: cast(pod) }))
      return
    }
    const before = player.actor.pod()
    player.actor.update(pod)
    if (deletionTimestamp !== undefined && before.metadata.deletionTimestamp === undefined) leave(player, stage)
    else if (gates(before) !== gates(pod)) void player.actor.show()
  }
  const gone = (pod: K8sObject) => {
    const player = players.get(pod.metadata.uid ?? '')
    player?.play.abort()
    player?.whole.abort()
    players.delete(pod.metadata.uid ?? '')
  }
  signal.addEventListener('abort', () => {
    for (const { play, whole } of players.values()) {
      play.abort()
      whole.abort()
    }
  })
  await follow(api.kube, { selection: { resource: pods, namespace: '' }, signal }, (kind, object) =>
    kind === 'gone' ? gone(object) : there(object as Pod),
  )
}

type Entering = { readonly stage: Stage; readonly rules: ReadonlyMap<string, Rule | undefined> }

function enter(pod: Pod, { stage, rules }: Entering): Player {
  const { api, record } = stage
  const play = new AbortController()
  const whole = new AbortController()
  const actor = openActor(pod, { api, record, signal: play.signal, rules })
  const player = { actor, play, whole }
  if (pod.metadata.deletionTimestamp !== undefined) leave(player, stage)
  else
    quietly(
      // What is left of the play (a sidecar, a deadline) ends with it.
      playPod(actor).then(() => play.abort()),
      play.signal,
      stage.say,
    )
  return player
}

function leave({ actor, play, whole }: Player, { api, say }: Stage): void {
  play.abort()
  quietly(endPod(actor, api, whole.signal), whole.signal, say)
}

/** What a readiness gate, and the generation that a status speaks of, depend on. */
function gates({ metadata, spec, status }: Pod): string {
  const names = (spec.readinessGates ?? []).map(({ conditionType }) => conditionType)
  const found = (status?.conditions ?? []).filter(({ type }) => names.includes(type))
  return JSON.stringify([metadata.generation, found.map(({ type, status: word }) => [type, word])])
}

/** Settles who plays what. A rule for so many pods counts those it was given to. */
function casting(scriptOf: ScriptOf): (pod: Pod) => ReadonlyMap<string, Rule | undefined> {
  const given = new WeakMap<Rule, Set<string>>()
  const isFree = (rule: Rule, uid: string) => {
    if (rule.pods === undefined) return true
    const taken = given.get(rule) ?? new Set()
    given.set(rule, taken)
    if (!taken.has(uid) && taken.size >= rule.pods) return false
    taken.add(uid)
    return true
  }
  return (pod) => {
    const { namespace = '', uid = '' } = pod.metadata
    const { kubelet: rules } = scriptOf(namespace)
    const all = [...(pod.spec.initContainers ?? []), ...pod.spec.containers]
    return new Map(
      all.map((one) => [one.name, rules.find((rule) => fits(rule.match ?? {}, one, pod) && isFree(rule, uid))]),
    )
  }
}

function fits({ image, container, node, pod }: Match, spec: ContainerSpec, { metadata, spec: at }: Pod): boolean {
  return (
    (image ?? spec.image) === spec.image &&
    (container ?? spec.name) === spec.name &&
    (node ?? at.nodeName) === at.nodeName &&
    metadata.name.startsWith(pod ?? '')
  )
}
