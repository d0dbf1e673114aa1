/**
 * The engine of charts: the real helm, 3 or 4, with the input hash as a label of the release it writes.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { MgoError } from '../error.ts'
import type { Ran } from '../exec.ts'
import { secretsIn } from '../manifest/secret-values.ts'
import { secretTexts } from '../plan/mask.ts'
import type { Applied, Engine, Target, UnitRecord } from '../ports.ts'
import type { K8sObject } from '../release/object.ts'
import { type Release, showUnit, type Unit } from '../release/release.ts'
import { templateArgs, upgradeArgs } from './args.ts'
import { chartIdentity, fetchChart } from './charts.ts'
import { helmError } from './error.ts'
import { hooksOf } from './hooks.ts'
import { manifestObjects, type Payload, readPayload } from './payload.ts'
import type { Helm } from './program.ts'
import { type HelmRecord, helmRecords, inputsLabel, writerLabel } from './records.ts'
import { inFolder } from './work.ts'
import { writer, writerState } from './writer.ts'

type ChartUnit = Extract<Unit, { readonly kind: 'chart' }>

/** Goes into the input hash: a mgo that calls helm differently upgrades everything once more. */
const version = 'helm-1'
const templateMs = 60_000

/** Makes the engine of one helm. */
export function helmEngine(helm: Helm): Engine {
  const atWork = new Set<string>()
  return {
    kind: 'chart',
    records: ({ kube }) => helmRecords(kube),
    inputs: (unit, target) => inputsOf(chart(unit), target),
    check: async () => {
      await helm.version()
    },
    apply: (unit, target, record) => upgrade(chart(unit), { target, helm, record, atWork }),
    hooks: (unit, target, record) => hooksOf(chart(unit).release, revisionBefore(record) + 1, target),
    async objects(unit, target, record) {
      const { release } = chart(unit)
      const secret = `sh.helm.release.v1.${release.name}.v${record.revision}`
      const { manifest } = await readPayload(target.kube, release.namespace, secret)
      return objectsOf(manifest, release, target)
    },
    render: (unit, target) => template(chart(unit), target, helm),
    remove: async (record) => {
      throw new Error(`mgo never uninstalls a helm release (${record.key})`)
    },
  }
}

function chart(unit: Unit): ChartUnit {
  if (unit.kind !== 'chart') throw new Error('the helm engine was given a raw file')
  return unit
}

/**
 * Everything that shapes a release. Of the cluster only its minor version counts: the list of its APIs grows with each
 * definition that any release brings, and would upgrade all the others (docs/decisions/0008).
 */
async function inputsOf({ release, values, secrets }: ChartUnit, target: Target): Promise<string> {
  const { minor } = await target.kube.version()
  const parts = [
    version,
    await chartIdentity(release, target),
    values.oid,
    secrets?.oid ?? '',
    release.name,
    release.namespace,
    minor,
  ]
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 40)
}

/** The revision that helm counts on from. A pending one is taken away before. */
function revisionBefore(record: UnitRecord | undefined): number {
  if (record === undefined) return 0
  return record.state === 'pending' ? record.revision - 1 : record.revision
}

type Upgrading = {
  readonly target: Target
  readonly helm: Helm
  readonly record: UnitRecord | undefined
  /** The releases that a helm of this process is at work on. */
  readonly atWork: Set<string>
}

async function upgrade(unit: ChartUnit, upgrading: Upgrading): Promise<Applied> {
  const { target, record, atWork } = upgrading
  const place = `${target.kube.server} ${showUnit(unit)}`
  const isOurs = atWork.has(place)
  if (record?.state === 'pending') await unlock(unit, target, { ...(record as HelmRecord), isOurs })
  atWork.add(place)
  try {
    return await runUpgrade(unit, upgrading)
  } finally {
    if (!isOurs) atWork.delete(place)
  }
}

async function runUpgrade(unit: ChartUnit, { target, helm, record }: Upgrading): Promise<Applied> {
  const { release } = unit
  const { kube } = target
  const at = revisionBefore(record)
  const archive = await fetchChart(release, target, helm)
  const inputs = await inputsOf(unit, target)
  return withFiles(unit, { target, helm }, async (values) => {
    const labels = { [inputsLabel]: `${inputs}.${at + 1}`, [writerLabel]: writer() }
    const args = upgradeArgs({ release, files: { chart: archive, values }, labels })
    // Helm's own limit ends hooks; this one ends a helm that hangs.
    const login = kube.insidePod ? {} : { context: kube.context }
    const ran = await helm.run(args, {
      ...login,
      timeoutMs: release.timeoutMs + 60_000,
      signal: target.signal,
    })
    if (ran.code !== 0) throw await failure(`upgrade ${showUnit(unit)}`, ran, helm)
    const { manifest, version: revision } = parsePayload(ran.stdout.toString('utf8'), unit)
    return { revision, objects: await objectsOf(manifest, release, target) }
  })
}

/** A program that is no helm 3 or 4 fails in words of its own; its version says it better. Throws HELM_MISSING then. */
async function failure(what: string, ran: Ran, helm: Helm): Promise<MgoError> {
  await helm.version()
  return helmError(what, ran)
}

function parsePayload(text: string, unit: ChartUnit): Payload {
  try {
    return JSON.parse(text.slice(text.indexOf('{'))) as Payload
  } catch (cause) {
    throw new MgoError(
      {
        code: 'HELM_FAILED',
        message: `helm upgraded ${showUnit(unit)} and gave no answer that can be read`,
        hint: 'Look with `helm history`.',
      },
      { cause },
    )
  }
}

/**
 * A pending record is the lock of a helm that is at work, or the trace of one that died. Only a dead attempt of ours is
 * taken away; the one before it counts then.
 */
async function unlock(unit: ChartUnit, { kube, tell }: Target, record: HelmRecord & Ours): Promise<void> {
  const state = writerState(record.writer)
  // An API server that dies takes helm's last word with it: nobody is at work then.
  const isDead = state === 'dead' || (state === 'self' && !record.isOurs)
  if (record.stamp === undefined || !isDead) {
    const who = state === 'alive' || state === 'self' ? 'another mgo on this machine' : 'somebody else'
    throw new MgoError({
      code: 'HELM_PENDING',
      message: `${who} is at work on ${showUnit(unit)} since ${record.since ?? 'an unknown time'} (revision ${record.revision} is pending)`,
      hint: `Wait for it. If it is dead: helm rollback ${unit.release.name} -n ${unit.release.namespace}, then deploy again.`,
    })
  }
  tell({
    kind: 'note',
    text: `${showUnit(unit)}: revision ${record.revision} of a helm of ours that died is taken away`,
  })
  await kube.delete({ group: '', version: 'v1', kind: 'Secret', namespace: record.namespace, name: record.secret })
}

/** The objects of a manifest; what its Secrets hold is known from then on. */
async function objectsOf(
  manifest: string,
  { namespace }: Release,
  { kube, secrets }: Target,
): Promise<readonly K8sObject[]> {
  const objects = await manifestObjects(manifest, namespace, kube)
  secrets.values(secretTexts(objects))
  return objects
}

type With = { readonly target: Target; readonly helm: Helm }

type Ours = { readonly isOurs: boolean }

/** Lays the values on disk for one call of helm, readable for nobody else. */
async function withFiles<T>(
  unit: ChartUnit,
  { target, helm }: With,
  work: (values: readonly string[]) => Promise<T>,
): Promise<T> {
  const wanted = [unit.values, ...(unit.secrets === undefined ? [] : [unit.secrets])]
  const blobs = await target.repo.read(wanted.map(({ oid }) => oid))
  return inFolder(helm.home, async (folder) => {
    const files = wanted.map(({ path, oid }, i) => {
      const file = join(folder, `${i}.yaml`)
      const bytes = blobs.get(oid) ?? new Uint8Array()
      // What helm says of values that it does not like quotes them.
      target.secrets.values(secretsIn(path, new TextDecoder().decode(bytes)))
      writeFileSync(file, bytes, { mode: 0o600 })
      return file
    })
    return work(files)
  })
}

async function template(unit: ChartUnit, target: Target, helm: Helm): Promise<readonly K8sObject[]> {
  const { release } = unit
  const archive = await fetchChart(release, target, helm)
  const { gitVersion } = await target.kube.version()
  const apiVersions = await target.kube.apiVersions()
  return withFiles(unit, { target, helm }, async (values) => {
    const files = { chart: archive, values }
    const kubeVersion = gitVersion === '' ? target.clusterSettings.kubeVersion : gitVersion
    const ran = await helm.run(templateArgs({ release, files, kubeVersion, apiVersions }), { timeoutMs: templateMs })
    if (ran.code !== 0) throw await failure(`render ${showUnit(unit)}`, ran, helm)
    return objectsOf(ran.stdout.toString('utf8'), release, target)
  })
}
