/**
 * The engine of raw files: server-side apply, an inventory for each file, prune of what left it.
 *
 * The inventory lists an object before it is made, so that a crash in between leaves nothing that mgo does not know of;
 * it is stamped with the input hash only after everything went through.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { MgoError } from '../error.ts'
import { parseObjects } from '../manifest/objects.ts'
import { secretsIn } from '../manifest/secret-values.ts'
import { readSource } from '../manifest/source.ts'
import { secretTexts } from '../plan/mask.ts'
import type { Applied, Engine, Kube, Target, UnitRecord } from '../ports.ts'
import { type K8sObject, objectId, objectKey } from '../release/object.ts'
import type { Unit } from '../release/release.ts'
import {
  clusterLabel,
  type Held,
  heldOf,
  inventoryName,
  inventoryNamespace,
  inventoryObject,
  ownerAnnotation,
  ownerOf,
  pruneAnnotation,
  recordOf,
} from './inventory.ts'
import { manager, send } from './send.ts'

type RawUnit = Extract<Unit, { readonly kind: 'raw' }>

/** Goes into the input hash: a mgo that writes objects differently applies everything once more. */
const version = 'raw-1'

/** Makes the engine. It holds no state. */
export function applyEngine(): Engine {
  return {
    kind: 'raw',
    records,
    inputs: async (unit) => inputsOf(raw(unit)),
    check: async () => undefined,
    apply: (unit, target, record) => apply(raw(unit), target, record),
    objects: (unit, target) => read(raw(unit), target),
    render: (unit, target) => read(raw(unit), target),
    remove,
  }
}

function raw(unit: Unit): RawUnit {
  if (unit.kind !== 'raw') throw new Error('the raw engine was given a chart')
  return unit
}

function inputsOf(unit: RawUnit): string {
  return createHash('sha256').update(`${version}\n${unit.name}\n${unit.file.oid}`).digest('hex').slice(0, 40)
}

async function records({ kube, cluster }: Target): Promise<ReadonlyMap<string, UnitRecord>> {
  const listed = await kube.listMetadata({
    resource: { group: '', version: 'v1', plural: 'configmaps', namespaced: true },
    namespace: inventoryNamespace,
    labels: `mgo/unit=raw,mgo/cluster=${clusterLabel(cluster)}`,
  })
  return new Map(listed.flatMap((object) => recordOf(object) ?? []).map((record) => [record.key, record]))
}

/** The objects of the file, with the namespace filled in that they will get. Throws REPO_INVALID with all problems. */
async function read(unit: RawUnit, { repo, kube, cluster, secrets }: Target): Promise<readonly K8sObject[]> {
  const bytes = (await repo.read([unit.file.oid])).get(unit.file.oid) ?? new Uint8Array()
  const source = readSource(unit.file.path, bytes)
  if (source.kind === 'refused') throw new MgoError(source.problem)
  secrets.values(secretsIn(unit.file.path, source.source.text))
  const parsed = parseObjects(source.source.text, unit.file.path)
  if (parsed.kind === 'refused') {
    const [first] = parsed.problems
    if (first === undefined) throw new Error('refused without a problem')
    throw new MgoError(first, { problems: parsed.problems })
  }
  secrets.values(secretTexts(parsed.objects))
  return Promise.all(parsed.objects.map((object) => placed(object, kube, ownerOf(cluster, unit.name))))
}

async function placed(object: K8sObject, kube: Kube, owner: string): Promise<K8sObject> {
  const id = objectId(object)
  const resource = await kube.resource(id.group, id.version, id.kind)
  const { namespace, annotations, ...rest } = object.metadata
  // A kind that is not served yet comes with a definition of the same file; what it says of itself counts then.
  const space = resource?.namespaced === false ? undefined : (namespace ?? (resource ? kube.namespace : undefined))
  const metadata = { ...rest, ...(space === undefined ? {} : { namespace: space }) }
  return { ...object, metadata: { ...metadata, annotations: { ...annotations, [ownerAnnotation]: owner } } }
}

async function apply(unit: RawUnit, target: Target, record: UnitRecord | undefined): Promise<Applied> {
  const { kube, cluster } = target
  const objects = await read(unit, target)
  const before = record === undefined ? [] : await heldBy(kube, inventoryName(cluster, unit.name))
  const revision = (record?.revision ?? 0) + 1
  const known = new Set(before.map((one) => objectKey(one.id)))
  const fresh = objects.map((object) => heldBefore(object)).filter((one) => !known.has(objectKey(one.id)))
  const base = { cluster, name: unit.name, revision } as const
  if (fresh.length > 0) {
    if (record === undefined) await ensureNamespace(kube)
    await write(kube, inventoryObject({ ...base, state: 'pending', inputs: undefined, held: [...before, ...fresh] }))
  }
  const stored = await send(kube, objects)
  const now = new Set(objects.map((object) => objectKey(objectId(object))))
  const gone = before.filter((one) => !now.has(objectKey(one.id)))
  await prune(gone, target, ownerOf(cluster, unit.name))
  const held = stored.map(heldAfter)
  await write(kube, inventoryObject({ ...base, state: 'deployed', inputs: inputsOf(unit), held }))
  return { revision, objects: stored }
}

function heldBefore(object: K8sObject): Held {
  return { id: objectId(object), uid: undefined, keep: object.metadata.annotations?.[pruneAnnotation] === 'disabled' }
}

function heldAfter(object: K8sObject): Held {
  return { ...heldBefore(object), uid: object.metadata.uid }
}

async function heldBy(kube: Kube, name: string): Promise<readonly Held[]> {
  return heldOf(await kube.get({ group: '', version: 'v1', kind: 'ConfigMap', namespace: inventoryNamespace, name }))
}

async function write(kube: Kube, inventory: K8sObject): Promise<void> {
  await kube.apply(inventory, { manager, force: true })
}

async function ensureNamespace(kube: Kube): Promise<void> {
  const id = { group: '', version: 'v1', kind: 'Namespace', namespace: '', name: inventoryNamespace }
  if ((await kube.get(id)) !== undefined) return
  await kube.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: inventoryNamespace } }, { manager })
}

/** Deletes what this file held and holds no longer: never what was made anew by others, nor what another file took over. */
async function prune(held: readonly Held[], { kube, tell }: Target, owner: string): Promise<void> {
  await Promise.all(
    held.map(async ({ id, uid, keep }) => {
      if (keep)
        return tell({
          kind: 'note',
          text: `${id.kind} ${id.name} left its file and stays: ${pruneAnnotation} is disabled`,
        })
      const live = await kube.get(id).catch((error: unknown) => {
        // Its kind is gone with its definition, and so is it.
        if (error instanceof MgoError && error.code === 'KUBE_REFUSED') return undefined
        throw error
      })
      if (live === undefined || live.metadata.annotations?.[ownerAnnotation] !== owner) return
      if (uid !== undefined && live.metadata.uid !== uid) return
      await kube.delete(id, live.metadata.uid === undefined ? {} : { uid: live.metadata.uid })
    }),
  )
}

async function remove(record: UnitRecord, target: Target): Promise<void> {
  const name = record.key.replace(/^raw:/, '')
  const inventory = inventoryName(target.cluster, name)
  await prune(await heldBy(target.kube, inventory), target, ownerOf(target.cluster, name))
  await target.kube.delete({
    group: '',
    version: 'v1',
    kind: 'ConfigMap',
    namespace: inventoryNamespace,
    name: inventory,
  })
}
