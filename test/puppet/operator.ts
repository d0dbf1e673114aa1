/**
 * Operators of custom resources: for each new generation they set one status after the other.
 *
 * @module
 */
import type { K8sObject } from '../../src/release/object.ts'
import { follow, merge, pathOf, quietly, wait } from './api.ts'
import type { Stage } from './kubelet.ts'
import type { OperatorRule } from './script.ts'

/** Answers the objects of one rule in a namespace, until `signal` aborts. */
export async function operate(rule: OperatorRule, namespace: string, stage: Stage): Promise<void> {
  const { api, signal, say } = stage
  const slash = rule.api.indexOf('/')
  const group = slash < 0 ? '' : rule.api.slice(0, slash)
  const resource = { group, version: rule.api.slice(slash + 1), plural: rule.resource, namespaced: true }
  const works = new Map<string, { readonly stop: AbortController; readonly generation: number }>()
  signal.addEventListener('abort', () => {
    for (const { stop } of works.values()) stop.abort()
  })
  await follow(api.kube, { selection: { resource, namespace }, signal }, (kind, object) => {
    const { uid = '', name, generation = 1 } = object.metadata
    if ((rule.name ?? name) !== name) return
    const old = works.get(uid)
    if (kind === 'there' && old?.generation === generation) return
    old?.stop.abort()
    works.delete(uid)
    if (kind === 'gone') return
    const stop = new AbortController()
    works.set(uid, { stop, generation })
    const path = pathOf(resource, namespace, name)
    quietly(answer(object, { rule, path, stage, signal: stop.signal }), stop.signal, say)
  })
}

type Work = {
  readonly rule: OperatorRule
  readonly path: string
  readonly stage: Stage
  readonly signal: AbortSignal
}

async function answer(object: K8sObject, { rule, path, stage: { api }, signal }: Work): Promise<void> {
  for (const step of rule.steps) {
    await wait(step.after ?? 0, signal)
    const body = { status: looked(step.status, object.metadata.generation ?? 1) }
    const said = await api.ask({ method: 'PATCH', path: `${path}/status`, contentType: merge, body })
    // A kind without a status subresource keeps its status in the object.
    if (said.status === 404) await api.ask({ method: 'PATCH', path, contentType: merge, body })
  }
}

/** The status with the generation that was looked at. */
function looked(value: unknown, generation: number): unknown {
  if (value === 'GENERATION') return generation
  if (Array.isArray(value)) return value.map((one) => looked(one, generation))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, looked(one, generation)]))
}
