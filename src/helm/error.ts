/**
 * What helm says when it fails → MgoError. First match wins. Values of the secrets file never get out with it.
 *
 * @module
 */
import { type Code, MgoError } from '../error.ts'
import type { Ran } from '../exec.ts'

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
    says: /" is invalid: |field is immutable|updates to \w+ spec for fields other than/,
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

/** The error of a helm that failed. `secret` is the text of the secrets file, whose values are taken out. */
export function helmError(what: string, ran: Ran, secret = ''): MgoError {
  const words = clean(mask(ran.stderr, secret))
  const row = known.find(({ says }) => says.test(words))
  const ended = ran.ended === 'itself' ? '' : ` (${ran.ended})`
  return new MgoError({
    code: row?.code ?? 'HELM_FAILED',
    message: `helm could not ${what}${ended}: ${words}`,
    hint: row?.hint ?? 'Helm’s own words stand above.',
  })
}

/** Takes the values of a YAML text out of another text. Short ones stay: they are words like `true`. */
export function mask(text: string, secret: string): string {
  const values = secret
    .split('\n')
    .map((line) =>
      line
        .replace(/^[^:]*:\s+|^\s*-\s+/, '')
        .trim()
        .replace(/^["']|["']$/g, ''),
    )
    .filter((value) => value.length >= 4 && !/^(?:true|false|null|[|>][+-]?)$/.test(value))
  return values.toSorted((a, b) => b.length - a.length).reduce((now, value) => now.replaceAll(value, '***'), text)
}

function clean(stderr: string): string {
  const lines = stderr
    .split(/[\r\n]+/)
    .map((line) => line.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ').trim())
    .filter((line) => line !== '' && !/^(?:WARNING|walk\.go|level=(?:INFO|WARN))/.test(line))
  return (
    lines
      .slice(-6)
      .join('; ')
      .replace(/^Error: /, '')
      .replace(/\/\/[^/@\s]*@/g, '//***@')
      .slice(0, 1_500) || 'no word from helm'
  )
}
