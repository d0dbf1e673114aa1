/**
 * The rig's own look at a release: is it as asked for, now? It shares nothing with mgo's rules, so that a green that is
 * not true is found out.
 *
 * @module
 */
import { isDeepStrictEqual } from 'node:util'
import type { K8sObject } from '../../src/release/object.ts'
import { objectId, showObject } from '../../src/release/object.ts'
import type { Api } from '../puppet/api.ts'

type Fields = Readonly<Record<string, unknown>>

function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {}
}

function count(from: Fields, name: string, otherwise = 0): number {
  const found = from[name]
  return typeof found === 'number' ? found : otherwise
}

/** What is not as asked for yet; empty where all is well. */
export async function amiss(api: Api, objects: readonly K8sObject[]): Promise<readonly string[]> {
  const found = await Promise.all(
    objects.map(async (asked) => {
      const id = objectId(asked)
      const live = await api.kube.get(id).catch(() => undefined)
      const resource = await api.kube.resource(id.group, id.version, id.kind).catch(() => undefined)
      const what = live === undefined ? 'is not there' : wrong(asked, live, resource?.hasStatus ?? false)
      return what === undefined ? [] : [`${showObject(id)} ${what}`]
    }),
  )
  return found.flat()
}

function wrong(asked: K8sObject, live: K8sObject, hasStatus: boolean): string | undefined {
  if (live.metadata.deletionTimestamp !== undefined) return 'is being deleted'
  const [spec, status] = [fields(live['spec']), fields(live['status'])]
  const template = (one: K8sObject) => images(fields(one['spec']))
  if (template(asked) !== '' && template(asked) !== template(live)) return `runs ${template(live)}`
  const seen = count(status, 'observedGeneration', -1)
  if (seen >= 0 && seen < (live.metadata.generation ?? 0)) return 'has not been looked at'
  const word = (rule: boolean, says: string) => (rule ? undefined : says)
  const replicas = count(spec, 'replicas', 1)
  switch (`${live.apiVersion.replace(/\/.*/, '')}/${live.kind}`) {
    case 'apps/Deployment':
      return word(isRolledOut(status, replicas), `has ${JSON.stringify(status)}`)
    case 'apps/ReplicaSet':
    case 'v1/ReplicationController':
      return word(count(status, 'availableReplicas') === replicas, 'has not all pods')
    case 'apps/StatefulSet':
      return word(isOrdered(spec, status, replicas), 'is not through')
    case 'apps/DaemonSet':
      return word(isEverywhere(spec, status), 'is not everywhere')
    case 'batch/Job':
      return word(condition(status, 'Complete') === 'True', 'is not complete')
    case 'v1/Pod':
      return word(status['phase'] === 'Succeeded' || condition(status, 'Ready') === 'True', 'is not ready')
    case 'v1/PersistentVolumeClaim':
      return word(isBound(spec, status), `is ${String(status['phase'])}`)
    case 'v1/Service':
      return word(spec['type'] !== 'LoadBalancer' || hasAddress(status), 'has no address')
    case 'apiextensions.k8s.io/CustomResourceDefinition':
      return word(condition(status, 'Established') === 'True', 'is not established')
    default:
      return word(isCustomWell(live, status, hasStatus), `says ${JSON.stringify(status)}`)
  }
}

function images(spec: Fields): string {
  const pod = fields(fields(spec['template'])['spec'])
  const containers = Array.isArray(pod['containers']) ? (pod['containers'] as readonly Fields[]) : []
  return containers.map((one) => String(one['image'])).join(' ')
}

function conditionOf(status: Fields, type: string): Fields | undefined {
  const all = Array.isArray(status['conditions']) ? (status['conditions'] as readonly Fields[]) : []
  return all.find((one) => one['type'] === type)
}

function condition(status: Fields, type: string): string | undefined {
  const found = conditionOf(status, type)
  return found === undefined ? undefined : String(found['status'])
}

function isRolledOut(status: Fields, replicas: number): boolean {
  const counts = ['replicas', 'updatedReplicas', 'availableReplicas'].map((name) => count(status, name))
  return 'observedGeneration' in status && counts.every((one) => one === replicas)
}

function isOrdered(spec: Fields, status: Fields, replicas: number): boolean {
  const { type, rollingUpdate } = fields(spec['updateStrategy'])
  if (type === 'OnDelete') return 'observedGeneration' in status
  const wanted = replicas - count(fields(rollingUpdate), 'partition')
  return (
    count(status, 'readyReplicas') === replicas &&
    (status['currentRevision'] === status['updateRevision'] || count(status, 'updatedReplicas') >= wanted)
  )
}

function isEverywhere(spec: Fields, status: Fields): boolean {
  if (!('observedGeneration' in status)) return false
  const desired = count(status, 'desiredNumberScheduled')
  const isManual = fields(spec['updateStrategy'])['type'] === 'OnDelete'
  return (
    count(status, 'numberAvailable') === desired && (isManual || count(status, 'updatedNumberScheduled') === desired)
  )
}

function isBound(spec: Fields, status: Fields): boolean {
  // Nobody uses it yet: that is how a WaitForFirstConsumer claim should be.
  if (status['phase'] === 'Pending') return spec['storageClassName'] === 'disk-late'
  const asked = fields(fields(spec['resources'])['requests'])
  return status['phase'] === 'Bound' && isDeepStrictEqual(fields(status['capacity'])['storage'], asked['storage'])
}

function hasAddress(status: Fields): boolean {
  const { ingress } = fields(status['loadBalancer'])
  return Array.isArray(ingress) && ingress.length > 0
}

/**
 * Custom resources say it in a condition, of this generation; one that nobody has looked at says nothing. What belongs to
 * Kubernetes itself is well where it is there.
 */
function isCustomWell(live: K8sObject, status: Fields, hasStatus: boolean): boolean {
  const group = live.apiVersion.split('/')[0] ?? ''
  if (!group.includes('.') || group.endsWith('.k8s.io')) return true
  const ready = conditionOf(status, 'Ready') ?? conditionOf(status, 'Available')
  if (ready !== undefined)
    return (
      ready['status'] === 'True' &&
      count(ready, 'observedGeneration', Number.POSITIVE_INFINITY) >= (live.metadata.generation ?? 0)
    )
  return condition(status, 'Stalled') !== 'True' && (!hasStatus || Object.keys(status).length > 0)
}
