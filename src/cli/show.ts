/**
 * What people read in a terminal: events as lines while it goes on, a verdict at the end. Pure.
 *
 * @module
 */
import { showProblem } from '../error.ts'
import type { Event } from '../event/event.ts'
import type { ReleaseVerdict, Verdict } from '../release/verdict.ts'
import { plain } from '../text.ts'

/** One line for an event, or `undefined` for what the verdict says anyway. */
export function showEvent(event: Event): string | undefined {
  switch (event.kind) {
    case 'committed':
      return line('committed', `${event.commit.slice(0, 12)} ${event.files.join(', ')}`)
    case 'unchanged':
      return line('unchanged', `the repo says so already at ${event.commit.slice(0, 12)}; no commit`)
    case 'pushed':
      return line(
        'pushed',
        `${event.commit.slice(0, 12)}${event.turns > 1 ? ` (turn ${event.turns}: the branch had moved)` : ''}`,
      )
    case 'planned': {
      const prune = event.prune > 0 ? `, ${event.prune} to remove` : ''
      return line('planned', `${event.apply} to apply, ${event.keep} unchanged${prune} on ${event.cluster}`)
    }
    case 'applying':
      return line('applying', `${event.unit}: ${event.reason}`)
    case 'applied':
      return line('applied', `${event.unit}, revision ${event.revision}`)
    case 'waiting':
      return line('waiting', `${event.unit}: ${event.reason}`)
    case 'judged':
      return line(event.release.verdict, `${event.release.release}: ${event.release.reason}`)
    case 'note':
      return line('note', event.text)
    case 'accepted':
    case 'finished':
      return undefined
  }
}

function line(word: string, rest: string): string {
  return `${word.padEnd(10)} ${plain(rest)}`
}

/** A verdict as its last words: the worst first, with code, evidence and the next step. */
export function showVerdict(verdict: Verdict): string {
  const { cluster, commit, releases, others = [], problem, supersededBy, timing } = verdict
  const at = commit === undefined ? '' : ` at ${commit.slice(0, 12)}`
  const took = timing.settledMs === undefined ? '' : ` (${(timing.settledMs / 1000).toFixed(1)} s)`
  const head = `${verdict.verdict}: ${cluster}${at}${took}`
  const by = supersededBy === undefined ? [] : [`  A later request took its place: ${supersededBy}.`]
  const wrong = problem === undefined ? [] : [indent(showProblem(problem))]
  const quiet = releases.filter((one) => one.verdict === 'unchanged')
  const told = quiet.length > 5 ? releases.filter((one) => one.verdict !== 'unchanged') : releases
  const rest = told.length < releases.length ? [`  ${quiet.length} releases are unchanged`] : []
  const beside =
    others.length === 0
      ? []
      : ['  Also broken on this cluster, and not part of this request:', ...others.map(showRelease)]
  return plain([head, ...by, ...wrong, ...told.map(showRelease), ...rest, ...beside].join('\n'))
}

function showRelease({ release, revision, verdict, reason, code, evidence = [], hint }: ReleaseVerdict): string {
  const which = revision === undefined ? '' : ` revision ${revision}`
  const why = code === undefined ? '' : ` [${code}]`
  const seen = evidence.slice(0, 3).map((one) => `    ${one.object}: ${one.says}`)
  const next = hint === undefined || isGood(verdict) ? [] : [`    → ${hint}`]
  return [`  ${release}${which}: ${verdict}${why}: ${reason}`, ...seen, ...next].join('\n')
}

function isGood(verdict: ReleaseVerdict['verdict']): boolean {
  return verdict === 'healthy' || verdict === 'unchanged' || verdict === 'rendered'
}

function indent(text: string): string {
  return text.replace(/^/gm, '  ')
}
