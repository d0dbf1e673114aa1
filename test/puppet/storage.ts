/**
 * The storage: two classes, and a provisioner that makes volumes, enlarges them, or says why not. The controllers of
 * the cluster do the binding.
 *
 * @module
 */
import type { K8sObject } from '../../src/release/object.ts'
import { type Api, claims, follow, merge, pathOf, quietly, timestamp, volumes, wait } from './api.ts'
import type { Stage } from './kubelet.ts'
import type { StorageRule } from './script.ts'

const provisioner = 'disks.csi.example'
const provisionSeconds = 0.3
const firstRetrySeconds = 1
const longestRetrySeconds = 300

type Claim = K8sObject & {
  readonly spec: {
    readonly storageClassName?: string
    readonly volumeName?: string
    readonly accessModes: readonly string[]
    readonly resources: { readonly requests: { readonly storage: string } }
  }
  readonly status?: { readonly phase?: string; readonly capacity?: { readonly storage?: string } }
}

/** Makes the two classes and their driver. */
export async function makeClasses(api: Api): Promise<void> {
  const storage = (kind: string, name: string, more: object) => ({
    apiVersion: 'storage.k8s.io/v1',
    kind,
    metadata: { name },
    ...more,
  })
  const driver = storage('CSIDriver', provisioner, { spec: { attachRequired: false } })
  await api.ask({ method: 'POST', path: '/apis/storage.k8s.io/v1/csidrivers', body: driver })
  for (const [name, volumeBindingMode] of [
    ['disk', 'Immediate'],
    ['disk-late', 'WaitForFirstConsumer'],
  ] as const) {
    const body = storage('StorageClass', name, { provisioner, volumeBindingMode, allowVolumeExpansion: true })
    await api.ask({ method: 'POST', path: '/apis/storage.k8s.io/v1/storageclasses', body })
  }
}

/** Serves all claims of its classes, until the stage's signal aborts. */
export async function serveStorage(stage: Stage): Promise<void> {
  const { api, signal, scriptOf, say } = stage
  const works = new Map<string, { readonly stop: AbortController; readonly asked: string }>()
  signal.addEventListener('abort', () => {
    for (const { stop } of works.values()) stop.abort()
  })
  await follow(api.kube, { selection: { resource: claims, namespace: '' }, signal }, (kind, object) => {
    const claim = object as Claim
    const { uid = '', namespace = '', name, annotations } = claim.metadata
    const old = works.get(uid)
    if (kind === 'gone') {
      old?.stop.abort()
      works.delete(uid)
      if (old !== undefined) void api.ask({ method: 'DELETE', path: pathOf(volumes, '', `pvc-${uid}`) })
      return
    }
    if (annotations?.['volume.kubernetes.io/storage-provisioner'] !== provisioner) return
    const asked = workOf(claim)
    if (asked === undefined || old?.asked === asked) return
    old?.stop.abort()
    const stop = new AbortController()
    works.set(uid, { stop, asked })
    const rule = scriptOf(namespace).storage.find((one) => name.startsWith(one.claim ?? ''))
    const work = { claim, rule, stage, signal: stop.signal }
    quietly(asked === 'provision' ? provision(work) : resize(work), stop.signal, say)
  })
}

/** What a claim needs now: a volume, or a larger one. */
function workOf({ metadata, spec, status }: Claim): string | undefined {
  if (spec.volumeName === undefined || spec.volumeName === '') {
    const isLate = spec.storageClassName === 'disk-late'
    const node = metadata.annotations?.['volume.kubernetes.io/selected-node']
    return isLate && node === undefined ? undefined : 'provision'
  }
  const wanted = spec.resources.requests.storage
  const has = status?.capacity?.storage
  return status?.phase === 'Bound' && has !== undefined && has !== wanted ? `resize to ${wanted}` : undefined
}

type Work = {
  readonly claim: Claim
  readonly rule: StorageRule | undefined
  readonly stage: Stage
  readonly signal: AbortSignal
}

async function provision({ claim, rule, stage: { api, record }, signal }: Work): Promise<void> {
  const { namespace = '', name, uid = '' } = claim.metadata
  const source = { component: `${provisioner}_puppet` }
  const message = `External provisioner is provisioning volume for claim "${namespace}/${name}"`
  void record(claim, { type: 'Normal', reason: 'Provisioning', message }, source)
  await wait(rule?.after ?? provisionSeconds, signal)
  if (rule?.play === 'fail') {
    const why = `failed to provision volume with StorageClass "${claim.spec.storageClassName ?? ''}": ${rule.message ?? 'rpc error: code = Internal'}`
    for (let seconds = firstRetrySeconds; ; seconds = Math.min(longestRetrySeconds, seconds * 2)) {
      void record(claim, { type: 'Warning', reason: 'ProvisioningFailed', message: why }, source)
      await wait(seconds, signal)
    }
  }
  await api.ask({ method: 'POST', path: pathOf(volumes, ''), body: volume(claim) })
  const done = `Successfully provisioned volume pvc-${uid}`
  void record(claim, { type: 'Normal', reason: 'ProvisioningSucceeded', message: done }, source)
}

function volume({ metadata, spec }: Claim): object {
  const { namespace, name, uid = '', resourceVersion } = metadata
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: `pvc-${uid}`, annotations: { 'pv.kubernetes.io/provisioned-by': provisioner } },
    spec: {
      accessModes: spec.accessModes,
      capacity: { storage: spec.resources.requests.storage },
      claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name, uid, resourceVersion },
      csi: { driver: provisioner, volumeHandle: uid },
      persistentVolumeReclaimPolicy: 'Delete',
      storageClassName: spec.storageClassName,
      volumeMode: 'Filesystem',
    },
  }
}

async function resize({ claim, rule, stage: { api, record }, signal }: Work): Promise<void> {
  const { namespace = '', name } = claim.metadata
  const path = `${pathOf(claims, namespace, name)}/status`
  const storage = claim.spec.resources.requests.storage
  const volumeName = claim.spec.volumeName ?? ''
  const source = { component: `external-resizer ${provisioner}` }
  const status = (body: object) => api.ask({ method: 'PATCH', path, contentType: merge, body: { status: body } })
  const condition = (type: string, message?: string) => ({
    type,
    status: 'True',
    lastTransitionTime: timestamp(),
    ...(message === undefined ? {} : { message }),
  })
  const message = `External resizer is resizing volume ${volumeName}`
  void record(claim, { type: 'Normal', reason: 'Resizing', message }, source)
  await status({ conditions: [condition('Resizing')] })
  await wait(rule?.after ?? provisionSeconds, signal)
  if (rule?.resize === 'fail') {
    const why = `resize volume "${volumeName}" by resizer "${provisioner}" failed: ${rule.message ?? 'rpc error: code = Internal'}`
    const allocatedResourceStatuses = { storage: 'ControllerResizeInfeasible' }
    await status({ allocatedResourceStatuses, conditions: [condition('ControllerResizeError', why)] })
    for (let seconds = firstRetrySeconds; ; seconds = Math.min(longestRetrySeconds, seconds * 2)) {
      void record(claim, { type: 'Warning', reason: 'VolumeResizeFailed', message: why }, source)
      await wait(seconds, signal)
    }
  }
  const larger = { spec: { capacity: { storage } } }
  await api.ask({ method: 'PATCH', path: pathOf(volumes, '', volumeName), contentType: merge, body: larger })
  await status({ capacity: { storage }, conditions: [] })
  const done = `Resize volume ${volumeName} succeeded`
  void record(claim, { type: 'Normal', reason: 'VolumeResizeSuccessful', message: done }, source)
}
