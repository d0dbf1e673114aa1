/**
 * What helm says when it fails → MgoError. First match wins. Secrets are out of its words before they get here (exec.ts, `hiding`).
 *
 * @module
 */
import { type Code, MgoError } from '../error.ts'
import type { Ran } from '../exec.ts'
import { plain, withoutLongValues } from '../text.ts'

type Known = { readonly says: RegExp; readonly code: Code; readonly hint: string }

const known: readonly Known[] = [
  {
    says: /another operation .* is in progress/,
    code: 'HELM_PENDING',
    hint: 'Somebody else’s helm is at work on it. Wait, or look with `helm history` and unlock it with `helm rollback`.',
  },
  {
    says: /cluster unreachable|connection refused|no such host|i\/o timeout/i,
    code: 'KUBE_UNREACHABLE',
    hint: 'Is the cluster up, and can this machine reach it?',
  },
  {
    says: /no matches for kind|resource mapping not found/,
    code: 'KUBE_REFUSED',
    hint: 'Install its CustomResourceDefinition first. One that the chart brings belongs into its crds/ folder.',
  },
  {
    says: /field is immutable/,
    code: 'KUBE_REFUSED',
    hint: 'This field of an object that is there cannot change: take the change back, or delete the object and deploy again.',
  },
  {
    says: /(?:cannot patch|server-side apply failed).*(?:" is invalid: |typed (?:patch|live) object)|updates to \w+ spec for fields other than/,
    code: 'KUBE_REFUSED',
    hint: 'The API server refuses the object as it is: mend the field that it names.',
  },
  {
    says: /values don't meet the specifications|additional propert|schema\(s\)/i,
    code: 'CHART_INVALID',
    hint: 'The chart has a schema for its values, and this file does not meet it: mend the value that it names.',
  },
  {
    says: /parse error|execution error at|error calling|template: |YAML parse|unable to build kubernetes objects|error converting YAML/i,
    code: 'CHART_INVALID',
    hint: 'The chart cannot be rendered with these values: mend the values, or the template that it names.',
  },
  {
    says: /not found in .* repository|no chart version found|no cached repo|chart .*not found|404 Not Found|failed to (?:fetch|download|perform)|could not (?:find|download)|looks like .* is not a valid chart repository|manifest unknown/i,
    code: 'CHART_UNAVAILABLE',
    hint: 'Look at the chart’s name and version, and at helm.repositories in mygitops.yaml.',
  },
  {
    says: /" is invalid: /,
    code: 'KUBE_REFUSED',
    hint: 'The API server refuses the object as it is: mend the field that it names.',
  },
  {
    says: /forbidden|Unauthorized/,
    code: 'KUBE_DENIED',
    hint: 'Give mgo’s user this right with a Role or ClusterRole and its binding.',
  },
  {
    says: /conflict|cannot be imported into the current release|invalid ownership metadata/i,
    code: 'KUBE_CONFLICT',
    hint: 'Somebody else owns this object. Agree on one owner; helm takes over nothing that is not its own.',
  },
  {
    says: /Dependency|dependencies|found in Chart\.yaml, but missing in charts/i,
    code: 'CHART_INVALID',
    hint: 'Commit the chart’s dependencies into its charts/ folder (helm dependency update).',
  },
]

/** The error of a helm that failed. */
export function helmError(what: string, ran: Ran): MgoError {
  const words = clean(ran.stderr)
  const row = known.find(({ says }) => says.test(words))
  const ended = ran.ended === 'itself' ? '' : ` (${ran.ended})`
  return new MgoError({
    code: row?.code ?? 'HELM_FAILED',
    message: `helm could not ${what}${ended}: ${words}`,
    hint: row?.hint ?? 'Helm’s own words stand above.',
  })
}

function clean(stderr: string): string {
  const lines = stderr
    .split(/[\r\n]+/)
    .map((line) => withoutLongValues(plain(line)).trim())
    .filter((line) => line !== '' && !/^(?:WARNING|walk\.go|level=(?:INFO|WARN))/.test(line))
  return (
    lines
      .slice(-6)
      .join('; ')
      .replace(/^Error: /, '')
      .slice(0, 1_500) || 'no word from helm'
  )
}
