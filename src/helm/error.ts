/**
 * What helm says when it fails → MgoError. First match wins. Secrets are out of its words before they get here (exec.ts, `hiding`).
 *
 * @module
 */
import { type Code, MgoError } from '../error.ts'
import type { Ran } from '../exec.ts'
import { plain, withoutLongValues } from '../text.ts'
import { immutable, webhookAway } from '../verdict/api-words.ts'

type Known = { readonly says: RegExp; readonly code: Code; readonly hint: string }

const known: readonly Known[] = [
  {
    says: /another operation .* is in progress/,
    code: 'HELM_PENDING',
    hint: 'Somebody else’s helm is at work on it. Wait, or look with `helm history` and unlock it with `helm rollback`.',
  },
  {
    // It says why nobody answered, in the words of a cluster that is away.
    ...webhookAway,
    code: 'KUBE_FAILED',
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
    ...immutable,
    code: 'KUBE_REFUSED',
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

const lookUp = 'Look at the chart’s name and version, and at helm.repositories in mygitops.yaml.'

/** What goes wrong between helm and a chart repository; none of it is about a cluster. */
const pulling: readonly Known[] = [
  {
    says: /40[13] (?:Unauthorized|Forbidden)|status code 40[13]|basic credential not found|unauthorized|access .*denied/i,
    code: 'REGISTRY_DENIED',
    hint: 'Give mgo a login that may read it: in the file that HELM_REPOSITORY_CONFIG names for http(s), HELM_REGISTRY_CONFIG for oci.',
  },
  {
    says: /HTTP response to HTTPS client/,
    code: 'CHART_UNAVAILABLE',
    hint: 'This registry speaks plain HTTP. If that is meant, name it (host:port) in MGO_HELM_PLAIN_HTTP.',
  },
  {
    says: /x509:|certificate/i,
    code: 'CHART_UNAVAILABLE',
    hint: 'Its certificate is not trusted here: name the authority’s file in SSL_CERT_FILE.',
  },
  {
    says: /connection (?:refused|reset)|no such host|i\/o timeout|EOF|deadline exceeded|status code 5\d\d| 5\d\d [A-Z]|no route/i,
    code: 'CHART_UNAVAILABLE',
    hint: 'Is the chart repository up, and can this machine reach it?',
  },
]

/** The error of a helm that could not fetch a chart. */
export function pullError(what: string, ran: Ran): MgoError {
  return failed(what, ran, { known: pulling, otherwise: ['CHART_UNAVAILABLE', lookUp] })
}

/** The error of a helm that failed. */
export function helmError(what: string, ran: Ran): MgoError {
  return failed(what, ran, { known, otherwise: ['HELM_FAILED', 'Helm’s own words stand above.'] })
}

type Table = { readonly known: readonly Known[]; readonly otherwise: readonly [Code, string] }

function failed(what: string, ran: Ran, { known, otherwise }: Table): MgoError {
  const words = clean(ran.stderr)
  const row = known.find(({ says }) => says.test(words))
  const ended = ran.ended === 'itself' ? '' : ` (${ran.ended})`
  return new MgoError({
    code: row?.code ?? otherwise[0],
    message: `helm could not ${what}${ended}: ${words}`,
    hint: row?.hint ?? otherwise[1],
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
