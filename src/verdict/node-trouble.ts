/**
 * What keeps a pod from getting a node, or a node from starting it: the scheduler's words, volumes, the network.
 *
 * @module
 */
import type { K8sObject, ObjectId } from '../release/object.ts'
import { at, conditions, listAt, textAt } from './at.ts'
import { missingThing } from './create.ts'
import type { Told } from './events.ts'
import { itCame } from './missing.ts'
import { evidence, type Scene, short, type Trouble } from './trouble.ts'

/** A pod without a node. Waiting may help: somebody may leave. The deadline of its owner ends it. */
export function schedulingTrouble(pod: K8sObject, scene: Scene): Trouble | undefined {
  const scheduled = conditions(pod).get('PodScheduled')
  if (scheduled === undefined || scheduled.status !== 'False') return undefined
  const { reason, message, since } = scheduled
  const proof = [evidence(pod, `${reason}: ${message}`, since)]
  const { name } = pod.metadata
  if (reason === 'SchedulingGated') return gated(pod, proof)
  const says = `the pod ${name} finds no node: ${short(message)}`
  const missing = missingThing(message, pod, scene)
  if (missing !== undefined || /persistentvolumeclaim|persistent ?volume|storageclass/i.test(message))
    return {
      word: missing?.word ?? 'waiting',
      ...(missing?.asks === undefined ? {} : { asks: missing.asks }),
      code: 'VOLUME',
      says: missing?.word === 'waiting' ? `${says}${itCame}` : says,
      hint: 'Look at its PersistentVolumeClaims: kubectl describe pvc.',
      evidence: proof,
    }
  return {
    word: 'waiting',
    code: 'UNSCHEDULABLE',
    says: `${says}${wanted(pod)}`,
    hint: nodeHint(message),
    evidence: proof,
  }
}

function gated(pod: K8sObject, proof: Trouble['evidence']): Trouble {
  const gates = listAt(pod, 'spec', 'schedulingGates').map((one) => textAt(one, 'name') ?? '')
  return {
    word: 'waiting',
    code: 'SCHEDULING_GATED',
    says: `the pod ${pod.metadata.name} is held by the scheduling gate ${gates.join(', ')}`,
    hint: 'Whoever sets this gate has to take it away; is its controller running?',
    evidence: proof,
  }
}

function wanted(pod: K8sObject): string {
  const labels = Object.entries((at(pod, 'spec', 'nodeSelector') as object | null | undefined) ?? {})
  if (labels.length === 0) return ''
  return ` (it asks for nodes with ${labels.map(([key, value]) => `${key}=${String(value)}`).join(', ')})`
}

function nodeHint(message: string): string {
  if (/affinity|selector/i.test(message))
    return 'Give a node the labels that it asks for (kubectl get nodes --show-labels), or mend its nodeSelector and affinity.'
  if (/Insufficient|Too many pods/i.test(message)) return 'Make room on the nodes, add one, or ask for less.'
  if (/taint/i.test(message)) return 'Add a toleration for the taint that it names, or take the taint away.'
  if (/host ?port|free ports/i.test(message)) return 'Another pod holds its hostPort on every node.'
  return 'Look at its requests, selectors and tolerations, and at the nodes.'
}

const starting = /^(?:FailedMount|FailedAttachVolume|FailedMapVolume|FailedCreatePodSandBox|FailedCreatePodContainer)$/
const further = /^(?:Pulling|Pulled|Created|Started)$/

/** Before a container has a state, only events tell what the node is busy with. */
export function startTrouble(pod: K8sObject, told: readonly Told[], scene: Scene): Trouble | undefined {
  if (textAt(pod, 'status', 'phase') !== 'Pending') return undefined
  const place = told.findLastIndex(({ reason }) => starting.test(reason))
  const event = told[place]
  // What came after it went well has gone past it.
  if (event === undefined || told.slice(place).some(({ reason }) => further.test(reason))) return undefined
  const { reason, message } = event
  const isSandbox = reason === 'FailedCreatePodSandBox'
  if (isSandbox && conditions(pod).get('PodReadyToStartContainers')?.status === 'True') return undefined
  const proof = [evidence(pod, `${reason}: ${message}`, event.at)]
  const missing = missingThing(message, pod, scene)
  const thing = missing?.asks?.[0]
  const { name } = pod.metadata
  const node = textAt(pod, 'spec', 'nodeName')
  if (missing !== undefined || /references non-existent (?:config|secret) key/i.test(message))
    return {
      word: 'failed',
      ...missing,
      code: thing?.kind === 'PersistentVolumeClaim' ? 'VOLUME' : 'CONFIG_MISSING',
      says: `a volume of the pod ${name} cannot be mounted: ${short(message)}${named(message, thing)}${missing?.word === 'waiting' ? itCame : ''}`,
      hint: 'Create what is missing, or mend the reference to it, and deploy again.',
      evidence: proof,
    }
  return {
    word: 'waiting',
    code: isSandbox ? 'SANDBOX' : 'VOLUME',
    says: `the pod ${name} cannot start${node === undefined ? '' : ` on ${node}`}: ${short(message)}`,
    hint: isSandbox ? 'Look at the network plugin and the runtime of its node.' : 'Look at the volume and its driver.',
    evidence: proof,
  }
}

/** The mounter names a key and a volume, and not what the key is missing from. */
function named(message: string, thing: ObjectId | undefined): string {
  return thing === undefined || message.includes(thing.name) ? '' : ` in ${thing.kind} ${thing.name}`
}
