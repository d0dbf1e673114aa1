/**
 * How releases stand, as people read it. Pure.
 *
 * @module
 */
import type { Standing } from '../deploy/standing.ts'
import type { Why } from '../deploy/why.ts'
import { plain } from '../text.ts'

/** `2 h ago`, from RFC 3339. */
export function ago(since: string | undefined, nowMs: number): string {
  const ms = nowMs - Date.parse(since ?? '')
  if (Number.isNaN(ms)) return '-'
  const [minute, hour, day] = [60_000, 3_600_000, 86_400_000]
  if (ms < minute) return `${Math.max(0, Math.round(ms / 1000))} s ago`
  if (ms < hour) return `${Math.floor(ms / minute)} min ago`
  return ms < 2 * day ? `${Math.floor(ms / hour)} h ago` : `${Math.floor(ms / day)} days ago`
}

/** Cells below each other. */
export function columns(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => (row[i] ?? '').length)))
  return rows.map((row) =>
    row
      .map((cell, i) => plain(cell).padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}

/** One line a release, and below it what is wrong and what to do, where something is. */
export function showStandings(rows: readonly Standing[], nowMs: number): string {
  const cells = rows.map((row) => [
    row.release,
    row.state,
    row.runs.slice(0, 2).join(', ') || '-',
    row.revision === undefined ? '-' : `${ago(row.since, nowMs)} (revision ${row.revision})`,
    row.by === undefined ? '-' : row.by.replace(/ <.*/, ''),
  ])
  const [head = '', ...lines] = columns([['RELEASE', 'STATE', 'RUNS', 'SINCE', 'BY'], ...cells])
  const told = rows.flatMap((row, i) => [lines[i] ?? '', ...trouble(row)])
  const fine = rows.filter((row) => row.state === 'healthy').length
  return [head, ...told, '', `${fine} of ${rows.length} releases are healthy`].join('\n')
}

function trouble({ state, says, code, hint }: Standing): readonly string[] {
  if (state === 'healthy' || state === 'unseen') return []
  const next = hint === undefined ? [] : [`    → ${plain(hint)}`]
  return [`    ${code === undefined ? '' : `[${code}] `}${plain(says)}`, ...next]
}

/** The whole answer to one question: the cause, its evidence, what to do, and who asked for it. */
export function showWhy({ request, releases }: Why, nowMs: number): string {
  const head =
    request === undefined
      ? []
      : [`${request.id}: ${plain(request.subject)} (commit ${request.commit}, ${ago(request.at, nowMs)})`]
  return [...head, ...releases.map((one) => whole(one, nowMs))].join('\n')
}

function whole(one: Standing, nowMs: number): string {
  const { release, cluster, state, says, code, evidence = [], hint } = one
  const seen = evidence.map(({ object, says: what, at }) => {
    return `    ${plain(object)}: ${plain(what)}${at === undefined ? '' : ` (${ago(at, nowMs)})`}`
  })
  const next = hint === undefined || state === 'healthy' ? [] : [`    → ${plain(hint)}`]
  const runs = one.runs.length === 0 ? [] : [`  runs: ${one.runs.join(', ')}`]
  const there =
    one.revision === undefined ? [] : [`  on the cluster: revision ${one.revision}, ${ago(one.since, nowMs)}`]
  const asked =
    one.by === undefined
      ? []
      : [
          `  asked for by ${plain(one.by)}, ${ago(one.at, nowMs)}: ${plain(one.subject ?? '')}`,
          `  commit ${one.commit ?? ''}${one.request === undefined ? '' : `, request ${one.request}`}`,
        ]
  return [
    `${release} on ${cluster}: ${state}${code === undefined ? '' : ` [${code}]`}: ${plain(says)}`,
    ...seen,
    ...next,
    ...runs,
    ...there,
    ...asked,
  ].join('\n')
}
