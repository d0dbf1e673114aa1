/**
 * One round over one plan: applies side by side in lanes, verdicts outside them. Each step is worked on once, however
 * many asked for it.
 *
 * @module
 */
import { MgoError, messageOf } from '../error.ts'
import type { Step } from '../plan/plan.ts'
import type { Applied, Target, UnitRecord, World } from '../ports.ts'
import { showUnit, type Unit } from '../release/release.ts'
import type { ReleaseVerdict } from '../release/verdict.ts'
import type { VerdictCode } from '../verdict/codes.ts'
import { applyWatched } from './hooks.ts'
import type { Lanes } from './lane.ts'
import type { Lately } from './lately.ts'
import { settle } from './settle.ts'
import { type Company, throughSilence, untilAnswered } from './silence.ts'
import { engineOf } from './survey.ts'

/** The last thing that was done to a unit, kept until it is settled. `at`: milliseconds since the epoch, when the API server had taken it. */
export type Done = {
  readonly at: number
  readonly applied: Applied
  readonly inputs: string
  readonly verdict: Promise<ReleaseVerdict>
}

/** What one round works with. `lately` outlives it. */
export type Round = {
  readonly world: World
  readonly target: Target
  readonly steps: readonly Step[]
  readonly lane: Lanes
  readonly lately: Lately<Done>
  readonly company: Company
  readonly verdicts: Map<string, Promise<ReleaseVerdict>>
  readonly applying: Map<string, Promise<Done>>
  readonly timeoutMs: number | undefined
  readonly noWait: boolean
}

type Apply = Extract<Step, { readonly kind: 'apply' }>

/** Raw files have no header to say how long; this is the header's own default. */
const rawTimeoutMs = 300_000

/** Begins all that has to be done; resolves when it is over. What is kept is looked at only when somebody asks for it. */
export async function begin(round: Round): Promise<void> {
  const count = (kind: Step['kind']) => round.steps.filter((step) => step.kind === kind).length
  const { cluster } = round.target
  // Where everything is only rendered there is nothing to plan.
  if (round.steps.length > 0)
    round.world.tell({ kind: 'planned', cluster, apply: count('apply'), keep: count('keep'), prune: count('prune') })
  await Promise.all(round.steps.filter((step) => step.kind !== 'keep').map((step) => verdictOf(step, round)))
}

/** The verdict of one step. Never rejects: what went wrong is a verdict, too. */
export function verdictOf(step: Step, round: Round): Promise<ReleaseVerdict> {
  const key = stepKey(step)
  const known = round.verdicts.get(key)
  if (known !== undefined) return known
  const verdict = work(step, round)
    .catch((error: unknown) => broken(stepName(step), error))
    .then((release) => {
      round.world.tell({ kind: 'judged', cluster: round.target.cluster, release })
      return release
    })
  round.verdicts.set(key, verdict)
  return verdict
}

async function work(step: Step, round: Round): Promise<ReleaseVerdict> {
  if (step.kind === 'prune') return prune(step.record, round)
  const blocked = await needs(step.unit, round)
  if (blocked !== undefined) return blocked
  if (step.kind === 'keep') return keep(step, round)
  if (step.unit.kind === 'chart') await rawFiles(round)
  return (await applied(step, round)).verdict
}

/** The apply of a step, begun once. */
function applied(step: Apply, round: Round): Promise<Done> {
  const known = round.applying.get(step.unit.key)
  if (known !== undefined) return known
  const applying = round.lane(step.unit.key, () =>
    throughSilence(() => apply(step, round), silenceOf(showUnit(step.unit), patienceOf(step.unit, round), round)),
  )
  round.applying.set(step.unit.key, applying)
  return applying
}

/** Charts may need what raw files bring: a namespace, a definition, a secret. A raw file that fails hurts no chart by itself. */
async function rawFiles(round: Round): Promise<void> {
  const raw = round.steps.filter((step): step is Apply => step.kind === 'apply' && step.unit.kind === 'raw')
  await Promise.allSettled(raw.map((step) => applied(step, round)))
}

/** Applies a unit unless the very same was applied since the plan was made. */
async function apply(step: Apply, round: Round): Promise<Done> {
  const { unit, inputs } = step
  const before = round.lately.get(unit.key)
  if (before !== undefined && before !== 'unclear' && before.inputs === inputs) return before
  const { cluster, tell } = round.target
  tell({ kind: 'applying', cluster, unit: showUnit(unit), reason: step.reason })
  const record = await recordNow(step, before, round)
  const engine = engineOf(unit, round.world.engines)
  const applying = { unit, target: round.target, record, engine, world: round.world }
  const outcome = await applyWatched({ ...applying, timeoutMs: patienceOf(unit, round) }).catch((error: unknown) => {
    round.lately.note(unit.key, 'unclear', Promise.resolve())
    throw error
  })
  if (outcome.kind === 'ended') {
    round.lately.note(unit.key, 'unclear', Promise.resolve())
    return endedBy(outcome.verdict, step)
  }
  const result = outcome.applied
  tell({ kind: 'applied', cluster, unit: showUnit(unit), revision: result.revision })
  const verdict = round.noWait ? Promise.resolve(taken(unit, result)) : judged(unit, result, round)
  const done: Done = { at: round.world.clock.now(), applied: result, inputs, verdict }
  round.lately.note(unit.key, done, verdict)
  return done
}

/** Nothing that later rounds could build on: the records of the cluster say what is there. */
function endedBy(verdict: ReleaseVerdict, { inputs, record }: Apply): Done {
  const applied: Applied = { revision: (record?.revision ?? 0) + 1, objects: [] }
  return { at: 0, applied, inputs, verdict: Promise.resolve(verdict) }
}

/** The record as it stands now: what was done since the plan was made counts, and where that is unclear the cluster is asked. */
async function recordNow(
  { unit, record }: Apply,
  before: Done | 'unclear' | undefined,
  { world, target }: Round,
): Promise<UnitRecord | undefined> {
  if (before === undefined) return record
  if (before === 'unclear') return (await engineOf(unit, world.engines).records(target)).get(unit.key)
  const base = record ?? { key: unit.key, ours: true, stamp: undefined }
  return { ...base, revision: before.applied.revision, state: 'deployed', stamp: before.inputs }
}

async function keep({ unit, record }: Extract<Step, { kind: 'keep' }>, round: Round): Promise<ReleaseVerdict> {
  const engine = engineOf(unit, round.world.engines)
  const read = () => engine.objects(unit, round.target, record)
  const objects = await untilAnswered(read, silenceOf(showUnit(unit), patienceOf(unit, round), round))
  const applied: Applied = { revision: record.revision, objects }
  return round.noWait ? taken(unit, applied) : judged(unit, applied, round)
}

/** How long a verdict may wait: what the asker said, else the header. */
function patienceOf(unit: Unit, { timeoutMs }: Round): number {
  return timeoutMs ?? (unit.kind === 'chart' ? unit.release.timeoutMs : rawTimeoutMs)
}

/** Once it has answered, a cluster that falls silent is waited for, whoever asked. */
function silenceOf(name: string, timeMs: number, { world, company, target }: Round) {
  const { kube, cluster } = target
  const untilMs = world.clock.now() + timeMs
  const silence = { cluster, units: [name], untilMs, isPatient: true, kube: () => kube, company, world }
  return { ...silence, ping: () => kube.ping() }
}

async function judged(unit: Unit, applied: Applied, round: Round): Promise<ReleaseVerdict> {
  const { world, target } = round
  const name = showUnit(unit)
  const verdict = await settle(
    {
      kube: target.kube,
      objects: applied.objects,
      timeoutMs: patienceOf(unit, round),
      cluster: target.cluster,
      unit: name,
    },
    { clock: world.clock, tell: world.tell },
  )
  return { ...verdict, release: name, revision: applied.revision }
}

function taken(unit: Unit, applied: Applied): ReleaseVerdict {
  const reason = 'the API server has taken it; nobody waited for the pods'
  return { release: showUnit(unit), revision: applied.revision, verdict: 'applied', reason }
}

async function prune(record: UnitRecord, round: Round): Promise<ReleaseVerdict> {
  const engine = engineOf({ kind: 'raw' }, round.world.engines)
  const name = recordName(record)
  const remove = () => engine.remove(record, round.target)
  await round.lane(record.key, () => throughSilence(remove, silenceOf(name, round.timeoutMs ?? rawTimeoutMs, round)))
  return { release: name, verdict: 'healthy', reason: 'its file is gone; its objects were removed' }
}

/** Waits for the releases that this one needs; gives a verdict only where one of them is not well. */
async function needs(unit: Unit, round: Round): Promise<ReleaseVerdict | undefined> {
  if (unit.kind !== 'chart') return undefined
  for (const name of unit.release.needs) {
    const step = round.steps.find(
      (one) => one.kind !== 'prune' && one.unit.kind === 'chart' && one.unit.release.name === name,
    )
    if (step === undefined) continue
    const verdict = await verdictOf(step, round)
    if (verdict.verdict === 'healthy' || verdict.verdict === 'applied') continue
    return {
      release: showUnit(unit),
      verdict: 'failed',
      reason: `it needs ${name}, which is ${verdict.verdict}: ${verdict.reason}`,
      code: 'NEEDS',
      hint: `Mend ${name} first; then send the request again.`,
    }
  }
  return undefined
}

/** What a step is known by in this round. */
export function stepKey(step: Step): string {
  return step.kind === 'prune' ? step.record.key : step.unit.key
}

/** How people know a step. */
export function stepName(step: Step): string {
  return step.kind === 'prune' ? recordName(step.record) : showUnit(step.unit)
}

function recordName(record: UnitRecord): string {
  return `${record.key.replace(/^raw:/, '')}-raw.yaml`
}

/** What could not be done, as a verdict. A bug is told as one, and hurts nobody but its own release. */
export function broken(release: string, error: unknown): ReleaseVerdict {
  if (error instanceof MgoError) {
    const code = error.code === 'KUBE_REFUSED' ? ('REFUSED' satisfies VerdictCode) : error.code
    return { release, verdict: 'failed', reason: error.message, code, hint: error.hint }
  }
  const reason = `mgo itself failed: ${messageOf(error)}`
  return {
    release,
    verdict: 'failed',
    reason,
    code: 'INTERNAL',
    hint: 'This is a bug of mgo: please report it with this text.',
  }
}
