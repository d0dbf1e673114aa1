/**
 * A DaemonSet is as asked when each node that should run it runs the new pod, available.
 *
 * @module
 */
import type { K8sObject } from '../release/object.ts'
import { isObserved, listAt, numberAt, textAt } from './at.ts'
import { areWell, isOver, podsOf, readyCount, worstTrouble } from './pod-trouble.ts'
import { flapping } from './readiness.ts'
import { failedCreate } from './refused.ts'
import type { Live, Status } from './status.ts'

const templateGeneration = 'deprecated.daemonset.template.generation'

/** Judges a DaemonSet; `related` holds Pods. */
export function daemonSetStatus(live: Live): Status {
  const { object, related } = live
  if (!isObserved(object)) return { word: 'waiting', says: 'the controller has not looked at it yet' }
  const count = (field: string) => numberAt(object, 'status', field) ?? 0
  const wanted = count('desiredNumberScheduled')
  const updated = count('updatedNumberScheduled')
  const pods = newPods(object, related)
  const isDone = updated >= wanted && count('numberAvailable') >= wanted
  const ready = areWell(pods) ? Math.min(updated, count('numberAvailable')) : readyCount(pods)
  const counts = `${Math.min(ready, wanted)} of ${wanted} nodes run the new pod`
  if (isDone && areWell(pods)) return { word: 'current', says: wanted === 0 ? 'no node is meant to run it' : counts }
  const trouble = worstTrouble(pods, live) ?? failedCreate(object, pods, live)
  const isOnDelete = textAt(object, 'spec', 'updateStrategy', 'type') === 'OnDelete'
  if (trouble === undefined && isOnDelete && count('currentNumberScheduled') >= wanted && areWell(pods))
    return {
      word: 'current',
      says: `the template is stored; ${wanted - updated} old pods run until somebody deletes them (OnDelete)`,
    }
  const cause = trouble ?? flapping(pods, live)
  if (cause === undefined) return { word: 'waiting', says: counts }
  return { ...cause, says: `${counts}; ${cause.says}${onNode(cause.evidence[0]?.object, pods, cause.says)}` }
}

/** Pods carry the generation of the template that made them (apps/v1, still kept for this very purpose). */
function newPods(set: K8sObject, related: readonly K8sObject[]): readonly K8sObject[] {
  const newest = set.metadata.annotations?.[templateGeneration]
  return podsOf(set, related).filter((pod) => {
    const mine = pod.metadata.labels?.['pod-template-generation']
    return !isOver(pod) && (newest === undefined || mine === undefined || mine === newest)
  })
}

/** The node is half of the cause: said where the cause does not name it itself. */
function onNode(proof: string | undefined, pods: readonly K8sObject[], says: string): string {
  const pod = pods.find(({ metadata }) => proof?.endsWith(`/${metadata.name}`) ?? false)
  const node = textAt(pod, 'spec', 'nodeName') ?? meantFor(pod)
  return node === undefined || says.includes(node) ? '' : ` (on the node ${node})`
}

/** A pod of a DaemonSet is bound to its node before the scheduler sees it. */
function meantFor(pod: K8sObject | undefined): string | undefined {
  const terms = listAt(
    pod,
    'spec',
    'affinity',
    'nodeAffinity',
    'requiredDuringSchedulingIgnoredDuringExecution',
    'nodeSelectorTerms',
  )
  const fields = terms.flatMap((term) => listAt(term, 'matchFields'))
  const name = fields.find((one) => textAt(one, 'key') === 'metadata.name')
  const [node] = listAt(name, 'values')
  return typeof node === 'string' ? node : undefined
}
