/**
 * Metrics of deploys: a reader of the event stream.
 *
 * @module
 */
import { Counter, Histogram, type Registry } from '@prometheus-io/client'
import { codes } from '../error.ts'
import type { Event, Told } from '../event/event.ts'
import { type Course, timeline } from '../event/timeline.ts'

/** Names of clusters kept apart at most; later ones are `other`. */
const mostClusters = 200
const deploySeconds = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800]

/**
 * A request may name any cluster, and would make a label of it: only those that were planned for exist. `unknown` stands
 * for the rest.
 */
function clusterLabels(): { readonly planned: (name: string) => void; readonly label: (name: string) => string } {
  const known = new Set<string>()
  return {
    planned: (name) => {
      if (known.size < mostClusters) known.add(name)
    },
    label: (name) => (known.has(name) ? name : known.size < mostClusters ? 'unknown' : 'other'),
  }
}

/** Makes the reader. */
export function deployMetrics(registers: Registry[]): (told: Told) => void {
  const line = timeline()
  const { planned, label } = clusterLabels()
  const counted = counters(registers)
  const ended = courses(registers, label)
  return (told) => {
    if (told.kind === 'planned') planned(told.cluster)
    counted(told, label)
    const course = line.told(told)
    if (course !== undefined) ended(course)
  }
}

type Counted = (event: Event, label: (cluster: string) => string) => void

function counters(registers: Registry[]): Counted {
  const counter = (name: string, help: string, labelNames: string[] = []) =>
    new Counter({ name, help, labelNames, registers })
  const accepted = counter('mgo_requests_accepted_total', 'Requests that were taken.')
  const batch = new Histogram({
    name: 'mgo_push_batch_size',
    help: 'Requests that one push carried.',
    buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000],
    registers,
  })
  const turns = new Histogram({
    name: 'mgo_push_turns',
    help: 'Tries of a push until it went through; more than one: somebody else had pushed first.',
    buckets: [1, 2, 3, 5, 10, 24],
    registers,
  })
  const applies = counter('mgo_applies_total', 'Units brought to a cluster.', ['cluster'])
  const judged = counter('mgo_releases_judged_total', 'Verdicts about releases.', ['cluster', 'verdict'])
  const syncs = counter('mgo_syncs_total', 'Syncs without a request, by verdict.', ['cluster', 'verdict'])
  return (event, label) => {
    if (event.kind === 'accepted') accepted.inc()
    else if (event.kind === 'pushed') {
      batch.observe(event.ids.length)
      turns.observe(event.turns)
    } else if (event.kind === 'applied') applies.inc({ cluster: label(event.cluster) })
    else if (event.kind === 'judged') judged.inc({ cluster: label(event.cluster), verdict: event.release.verdict })
    else if (event.kind === 'finished' && event.request === undefined)
      syncs.inc({ cluster: label(event.verdict.cluster), verdict: event.verdict.verdict })
  }
}

function courses(registers: Registry[], label: (cluster: string) => string): (course: Course) => void {
  const deploys = new Counter({
    name: 'mgo_deploys_total',
    help: 'Deploys by cluster and verdict.',
    labelNames: ['cluster', 'verdict'],
    registers,
  })
  const problems = new Counter({
    name: 'mgo_problems_total',
    help: 'Why deploys did not work, by the code of docs/errors.md; `release`: the pods did not become ready.',
    labelNames: ['code'],
    registers,
  })
  const took = new Histogram({
    name: 'mgo_deploy_seconds',
    help: 'From accepted to the verdict.',
    labelNames: ['cluster'],
    buckets: deploySeconds,
    registers,
  })
  const stage = new Histogram({
    name: 'mgo_stage_seconds',
    help: 'Time of one part of a deploy: commit, push, plan, apply (each release), verdict (each release).',
    labelNames: ['stage'],
    buckets: [0.005, 0.01, 0.025, 0.05, ...deploySeconds],
    registers,
  })
  return ({ verdict, request, to, spans }) => {
    const cluster = label(verdict.cluster)
    deploys.inc({ cluster, verdict: verdict.verdict })
    took.observe({ cluster }, Math.max(0, to - request.acceptedAt) / 1000)
    for (const one of spans) stage.observe({ stage: one.stage }, (one.to - one.from) / 1000)
    const code = verdict.problem?.code
    if (code !== undefined) problems.inc({ code: codes.includes(code) ? code : 'other' })
    else if (verdict.verdict === 'failed' || verdict.verdict === 'timed-out') problems.inc({ code: 'release' })
  }
}
