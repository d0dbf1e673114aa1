/**
 * docs/operations.md and the dashboard are held to the metrics that there are, both ways.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openMetrics } from '../src/metrics/metrics.ts'

const docs = join(import.meta.dirname, '..', 'docs')
const page = readFileSync(join(docs, 'operations.md'), 'utf8')
const dashboard = JSON.parse(readFileSync(join(docs, 'grafana', 'mgo.json'), 'utf8')) as {
  readonly panels: readonly {
    readonly id: number
    readonly title: string
    readonly targets?: readonly { expr: string }[]
  }[]
}

const text = await openMetrics({
  version: '0',
  now: () => 0,
  waiting: async () => ({ requests: 0, since: null }),
  held: async () => 0,
  journalBytes: () => 0,
}).text()
const types = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type = '']) => [name, type]))
const own = [...types.keys()].filter((name) => name.startsWith('mgo_'))
/** Names as PromQL has them: a histogram is three. */
const series = new Set(
  [...types].flatMap(([name, type]) =>
    type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
  ),
)

function namesIn(expr: string): readonly string[] {
  return [...expr.matchAll(/\b(?:mgo|process|nodejs)_[a-z_]+\b/g)].map(([name]) => name)
}

test('the dashboard asks for metrics that exist, and leaves none of ours out', () => {
  const asked = dashboard.panels.flatMap((panel) => panel.targets ?? []).flatMap(({ expr }) => namesIn(expr))
  assert.deepEqual(
    asked.filter((name) => !series.has(name)),
    [],
  )
  const shown = (name: string) =>
    asked.some((one) => one === name || one.replace(/_(?:bucket|sum|count)$/, '') === name)
  assert.deepEqual(
    own.filter((name) => !shown(name)),
    ['mgo_build_info'],
  )
})

test('its panels have numbers of their own, and balanced brackets', () => {
  assert.equal(new Set(dashboard.panels.map(({ id }) => id)).size, dashboard.panels.length)
  for (const { title, targets = [] } of dashboard.panels)
    for (const { expr } of targets)
      for (const pair of ['()', '{}', '[]'])
        assert.equal(expr.split(pair[0] ?? '').length, expr.split(pair[1] ?? '').length, `${title}: ${expr}`)
})

test('docs/operations.md names every metric, and its alerts ask for those that exist', () => {
  assert.deepEqual(
    own.filter((name) => !page.includes(`\`${name}\``)),
    [],
  )
  const alerts = [...page.matchAll(/^```promql\n(.*?)^```$/gms)].map((match) => match[1] ?? '')
  assert.ok(alerts.length >= 8)
  for (const alert of alerts) for (const name of namesIn(alert)) assert.ok(series.has(name), name)
})
