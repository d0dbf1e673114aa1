/**
 * The cloud that gives Services of type LoadBalancer their address, or says why not.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import type { K8sObject } from '../../src/release/object.ts'
import { follow, merge, pathOf, quietly, services, wait } from './api.ts'
import type { Stage } from './kubelet.ts'
import type { BalancerRule } from './script.ts'

const addressSeconds = 0.5
/** A service controller tries again after 5 s, and doubles that. */
const firstRetrySeconds = 5
const longestRetrySeconds = 300
const source = { component: 'service-controller' }

type Service = K8sObject & { readonly spec: { readonly type?: string } }

/** Serves all Services, until the stage's signal aborts. */
export async function serveBalancers(stage: Stage): Promise<void> {
  const { api, signal, scriptOf, say } = stage
  const works = new Map<string, AbortController>()
  signal.addEventListener('abort', () => {
    for (const stop of works.values()) stop.abort()
  })
  await follow(api.kube, { selection: { resource: services, namespace: '' }, signal }, (kind, object) => {
    const service = object as Service
    const { uid = '', namespace = '', name } = service.metadata
    const isWanted = kind === 'there' && service.spec.type === 'LoadBalancer'
    if (!isWanted) {
      works.get(uid)?.abort()
      works.delete(uid)
      return
    }
    if (works.has(uid)) return
    const stop = new AbortController()
    works.set(uid, stop)
    const rule = scriptOf(namespace).balancers.find((one) => (one.service ?? name) === name)
    quietly(balance(service, { rule, stage, signal: stop.signal }), stop.signal, say)
  })
}

type Work = { readonly rule: BalancerRule | undefined; readonly stage: Stage; readonly signal: AbortSignal }

async function balance(service: Service, { rule, stage: { api, record }, signal }: Work): Promise<void> {
  if (rule?.play === 'none') return
  const tell = (type: 'Normal' | 'Warning', reason: string, message: string) =>
    void record(service, { type, reason, message }, source)
  tell('Normal', 'EnsuringLoadBalancer', 'Ensuring load balancer')
  await wait(rule?.after ?? (rule?.play === 'fail' ? 0.2 : addressSeconds), signal)
  if (rule?.play === 'fail') {
    const why = `Error syncing load balancer: failed to ensure load balancer: ${rule.message ?? 'unknown'}`
    for (let seconds = firstRetrySeconds; ; seconds = Math.min(longestRetrySeconds, seconds * 2)) {
      tell('Warning', 'SyncLoadBalancerFailed', why)
      await wait(seconds, signal)
      tell('Normal', 'EnsuringLoadBalancer', 'Ensuring load balancer')
    }
  }
  const { namespace = '', name, uid = '' } = service.metadata
  // 203.0.113.0/24 is kept for examples (RFC 5737).
  const ip = `203.0.113.${1 + ((createHash('sha256').update(uid).digest()[0] ?? 0) % 250)}`
  const body = { status: { loadBalancer: { ingress: [{ ip, ipMode: 'VIP' }] } } }
  await api.ask({
    method: 'PATCH',
    path: `${pathOf(services, namespace, name)}/status`,
    contentType: merge,
    body,
  })
  tell('Normal', 'EnsuredLoadBalancer', 'Ensured load balancer')
}
