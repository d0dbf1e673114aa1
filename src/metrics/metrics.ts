/**
 * What Prometheus reads at `/metrics`. Most of it is a reader of the event stream; docs/operations.md says what each one is
 * for, and docs/grafana/mgo.json draws them.
 *
 * Labels have few values, whatever callers send: names of clusters that exist, our own words, routes as they are declared.
 *
 * @module
 */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from '@prometheus-io/client'
import type { Told } from '../event/event.ts'
import { deployMetrics } from './deploys.ts'

/** One request to an API server; `status` 0 where there was no answer. */
export type KubeAsked = { readonly verb: string; readonly status: number; readonly ms: number }
export type KubeLoad = { readonly inUse: number; readonly limit: number; readonly waiting: number }
/** One request to this server. `route` as it is declared: `/v1/deploys/:id`, never the address itself. */
export type HttpSeen = { readonly method: string; readonly route: string; readonly status: number; readonly ms: number }
/** One transaction of the journal. */
export type JournalWrote = { readonly writes: number; readonly ms: number; readonly kept: boolean }

export type Metrics = {
  readonly told: (told: Told) => void
  readonly http: (seen: HttpSeen) => void
  readonly journal: (wrote: JournalWrote) => void
  /** The readers of one cluster's requests. */
  readonly kube: (cluster: string) => {
    readonly asked: (one: KubeAsked) => void
    readonly load: (load: KubeLoad) => void
  }
  /** The text that Prometheus reads (its text format 0.0.4). */
  text(): Promise<string>
}

export type MetricsOptions = {
  readonly version: string
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** What is accepted and has no verdict; `since`: when the oldest was accepted. */
  readonly waiting: () => Promise<{ readonly requests: number; readonly since: number | null }>
  /** Pushes that wait for their registry. */
  readonly held: () => Promise<number>
  /** How large the journal's files are. */
  readonly journalBytes: () => number
}

const seconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** Makes a set of metrics of its own. */
export function openMetrics({ version, now, waiting, held, journalBytes }: MetricsOptions): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  new Gauge({ name: 'mgo_build_info', help: 'Which mgo this is.', labelNames: ['version'], registers }).set(
    { version },
    1,
  )
  waitingGauges(registers, waiting, now)
  new Gauge({
    name: 'mgo_deliveries_waiting',
    help: 'Pushes that wait until their registry can say a digest.',
    registers,
    async collect() {
      this.set(await held())
    },
  })
  return {
    told: deployMetrics(registers),
    http: httpMetrics(registers),
    journal: journalMetrics(registers, journalBytes),
    kube: kubeMetrics(registers),
    text: () => registry.metrics(),
  }
}

type Registers = Registry[]

function waitingGauges(registers: Registers, waiting: MetricsOptions['waiting'], now: () => number): void {
  new Gauge({
    name: 'mgo_requests_open',
    help: 'Accepted requests without a verdict.',
    registers,
    async collect() {
      this.set((await waiting()).requests)
    },
  })
  new Gauge({
    name: 'mgo_requests_oldest_seconds',
    help: 'Age of the oldest request without a verdict.',
    registers,
    async collect() {
      const { since } = await waiting()
      this.set(since === null ? 0 : Math.max(0, (now() - since) / 1000))
    },
  })
}

function httpMetrics(registers: Registers): Metrics['http'] {
  const requests = new Counter({
    name: 'mgo_http_requests_total',
    help: 'Requests to this server, by route and status.',
    labelNames: ['method', 'route', 'status'],
    registers,
  })
  const took = new Histogram({
    name: 'mgo_http_request_seconds',
    help: 'Time until a request was answered; one that waits for a verdict takes as long as the deploy.',
    labelNames: ['route'],
    buckets: [...seconds, 60, 300, 600],
    registers,
  })
  return ({ method, route, status, ms }) => {
    requests.inc({ method, route, status })
    took.observe({ route }, ms / 1000)
  }
}

function journalMetrics(registers: Registers, bytes: () => number): Metrics['journal'] {
  const writes = new Counter({ name: 'mgo_journal_writes_total', help: 'Writes that are on disk.', registers })
  const failures = new Counter({
    name: 'mgo_journal_failures_total',
    help: 'Transactions that the disk did not take: nothing new is accepted meanwhile.',
    registers,
  })
  const size = new Histogram({
    name: 'mgo_journal_group_size',
    help: 'Writes that shared one wait for the disk.',
    buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000],
    registers,
  })
  const took = new Histogram({
    name: 'mgo_journal_commit_seconds',
    help: 'Time of one transaction, the wait for the disk included.',
    buckets: [0.0005, 0.001, 0.0025, ...seconds.slice(0, 8)],
    registers,
  })
  new Gauge({
    name: 'mgo_journal_bytes',
    help: 'Size of the journal’s files.',
    registers,
    collect() {
      this.set(bytes())
    },
  })
  return (wrote) => {
    took.observe(wrote.ms / 1000)
    if (!wrote.kept) return failures.inc()
    writes.inc(wrote.writes)
    size.observe(wrote.writes)
  }
}

function kubeMetrics(registers: Registers): Metrics['kube'] {
  const labelNames = ['cluster'] as const
  const gauge = (name: string, help: string) => new Gauge({ name, help, labelNames, registers })
  const requests = new Counter({
    name: 'mgo_kube_requests_total',
    help: 'Requests to the API server of a cluster (its context), by verb and status; status 0: no answer.',
    labelNames: ['cluster', 'verb', 'status'],
    registers,
  })
  const took = new Histogram({
    name: 'mgo_kube_request_seconds',
    help: 'Time until an API server began to answer.',
    labelNames: ['verb'],
    buckets: seconds,
    registers,
  })
  const inUse = gauge('mgo_kube_budget_in_use', 'Requests under way on a cluster.')
  const limit = gauge('mgo_kube_budget_limit', 'Requests that may be under way at once; a 429 halves it.')
  const waiting = gauge('mgo_kube_budget_waiting', 'Requests that wait for their turn.')
  return (cluster) => ({
    asked: ({ verb, status, ms }) => {
      requests.inc({ cluster, verb, status })
      took.observe({ verb }, ms / 1000)
    },
    load: (load) => {
      inUse.set({ cluster }, load.inUse)
      limit.set({ cluster }, load.limit)
      waiting.set({ cluster }, load.waiting)
    },
  })
}
