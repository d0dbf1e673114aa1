/**
 * What a sync would do, as data: desired units beside what is recorded on the cluster. Pure; an edge then does it.
 *
 * @module
 */
import type { UnitRecord } from '../ports.ts'
import type { Unit } from '../release/release.ts'

export type Step =
  | {
      readonly kind: 'apply'
      readonly unit: Unit
      readonly record: UnitRecord | undefined
      readonly inputs: string
      readonly reason: string
    }
  | {
      readonly kind: 'keep'
      readonly unit: Unit
      readonly record: UnitRecord
      readonly inputs: string
      readonly reason: string
    }
  | { readonly kind: 'prune'; readonly record: UnitRecord; readonly reason: string }

export type PlanInput = {
  readonly units: readonly Unit[]
  readonly records: ReadonlyMap<string, UnitRecord>
  /** The input hash of each unit, by its key. */
  readonly inputs: ReadonlyMap<string, string>
  /** The keys of all raw files that the repo has, those that are rendered instead or cannot be read among them. */
  readonly rawFiles: ReadonlySet<string>
}

/**
 * Compares what should be there with what the records say.
 *
 * A record counts as unchanged only when its stamp is this very input hash and its last attempt went through.
 * Of what is recorded and no longer wanted only raw files that mgo wrote are pruned: a helm release is never
 * uninstalled because a file is gone. A file that became a link, or is rendered from now on, is not gone.
 */
export function plan({ units, records, inputs, rawFiles }: PlanInput): readonly Step[] {
  const steps = units.map((unit) => step(unit, records.get(unit.key), inputs.get(unit.key) ?? ''))
  const gone = [...records.values()].filter(({ ours, key }) => ours && key.startsWith('raw:') && !rawFiles.has(key))
  return [
    ...steps,
    ...gone.map((record): Step => ({ kind: 'prune', record, reason: 'its file is gone from the repo' })),
  ]
}

function step(unit: Unit, record: UnitRecord | undefined, inputs: string): Step {
  if (record === undefined) return { kind: 'apply', unit, record, inputs, reason: 'not on the cluster yet' }
  const reason = why(record, inputs)
  if (reason === undefined)
    return { kind: 'keep', unit, record, inputs, reason: `unchanged since revision ${record.revision}` }
  return { kind: 'apply', unit, record, inputs, reason }
}

function why(record: UnitRecord, inputs: string): string | undefined {
  if (record.state === 'failed') return `revision ${record.revision} failed`
  if (record.state === 'pending') return `revision ${record.revision} was never finished`
  if (record.stamp === undefined) return `revision ${record.revision} was not made by mgo`
  if (record.stamp !== inputs) return 'its files, its chart or the cluster changed'
  return undefined
}
