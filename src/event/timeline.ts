/**
 * Events → how long each part of a deploy took. Pure: it is given the events with their times, and knows no clock.
 *
 * Events of a cluster carry no request, because a plan and an apply serve many; whose they are follows from when they were.
 *
 * @module
 */
import type { DeployRequest } from '../release/request.ts'
import type { Verdict } from '../release/verdict.ts'
import type { Told } from './event.ts'

/** The parts of a deploy, in their order. */
const stages = ['commit', 'push', 'plan', 'apply', 'verdict'] as const
export type Stage = (typeof stages)[number]

/** `from` and `to`: milliseconds since the epoch. `unit`: which release, for what is done to each. */
export type Span = { readonly stage: Stage; readonly from: number; readonly to: number; readonly unit?: string }

export type Course = {
  readonly request: DeployRequest
  readonly verdict: Verdict
  readonly to: number
  readonly spans: readonly Span[]
}

export type Timeline = {
  /** Takes the next event; gives the whole course when it ends a deploy. */
  told(told: Told): Course | undefined
}

type Touched = { applying?: number; applied?: number; judged?: number }
type Seen = {
  /** Times of the plans of a cluster, the newest last. */
  readonly plans: Map<string, number[]>
  /** What was last done to each unit of a cluster. */
  readonly units: Map<string, Touched>
}

/** A plan that is further back than this many belongs to no deploy that is still open. */
const plansKept = 200

/** Makes a timeline that has seen nothing. */
export function timeline(): Timeline {
  const seen: Seen = { plans: new Map(), units: new Map() }
  return {
    told: (told) => {
      note(told, seen)
      if (told.kind !== 'finished') return undefined
      return told.request === undefined ? undefined : course(told.verdict, told.request, { seen, to: told.at })
    },
  }
}

function note(told: Told, { plans, units }: Seen): void {
  switch (told.kind) {
    case 'planned':
      plans.set(told.cluster, [...(plans.get(told.cluster) ?? []), told.at].slice(-plansKept))
      return
    case 'applying':
      units.set(`${told.cluster} ${told.unit}`, { applying: told.at })
      return
    case 'applied':
      touch(units, `${told.cluster} ${told.unit}`).applied = told.at
      return
    case 'judged':
      touch(units, `${told.cluster} ${told.release.release}`).judged = told.at
      return
    case 'accepted':
    case 'committed':
    case 'unchanged':
    case 'pushed':
    case 'waiting':
    case 'note':
    case 'finished':
      return
  }
}

function touch(units: Map<string, Touched>, key: string): Touched {
  const known = units.get(key) ?? {}
  units.set(key, known)
  return known
}

type Ending = { readonly seen: Seen; readonly to: number }

function course(verdict: Verdict, request: DeployRequest, { seen, to }: Ending): Course {
  const { acceptedAt } = request
  const { committedMs, pushedMs } = verdict.timing
  const committed = committedMs === undefined ? undefined : acceptedAt + committedMs
  const pushed = pushedMs === undefined ? undefined : acceptedAt + pushedMs
  const begun = pushed ?? acceptedAt
  const planned = seen.plans.get(verdict.cluster)?.find((at) => at >= begun)
  const spans = [
    ...span('commit', { from: acceptedAt, to: committed }),
    ...span('push', { from: committed, to: pushed }),
    ...span('plan', { from: begun, to: planned }),
    ...verdict.releases.flatMap(({ release: unit }) => {
      const { applying, applied, judged } = seen.units.get(`${verdict.cluster} ${unit}`) ?? {}
      // What was done before this request was pushed was not done for it.
      const isOurs = applying !== undefined && applying >= begun
      return [
        ...(isOurs ? span('apply', { from: applying, to: applied, unit }) : []),
        ...(judged !== undefined && judged >= begun
          ? span('verdict', { from: isOurs ? applied : planned, to: judged, unit })
          : []),
      ]
    }),
  ]
  return { request, verdict, to, spans }
}

type Part = { readonly from: number | undefined; readonly to: number | undefined; readonly unit?: string }

function span(stage: Stage, { from, to, unit }: Part): readonly Span[] {
  if (from === undefined || to === undefined || to < from) return []
  return [{ stage, from, to, ...(unit === undefined ? {} : { unit }) }]
}
