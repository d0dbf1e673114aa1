/**
 * What an API server says when it does not do what was asked → MgoError. The server's own words are kept: they name the
 * object, the field and the owner.
 *
 * @module
 */
import { type Code, MgoError } from '../error.ts'
import { oneLine, withoutLongValues } from '../text.ts'
import { immutable, webhookAway } from '../verdict/api-words.ts'

/** The parts of a `Status` object that say why. */
export type Status = {
  readonly message?: string
  readonly reason?: string
  readonly code?: number
  readonly details?: {
    readonly retryAfterSeconds?: number
    readonly causes?: readonly { readonly reason?: string; readonly message?: string; readonly field?: string }[]
  }
}

type Row = { readonly code: Code; readonly hint: string }

const rows: Readonly<Record<number, Row>> = {
  401: {
    code: 'KUBE_DENIED',
    hint: 'The credentials of the kubeconfig are refused: log in again, or renew the token.',
  },
  403: { code: 'KUBE_DENIED', hint: 'Give mgo’s user this right with a Role or ClusterRole and its binding.' },
  404: { code: 'KUBE_REFUSED', hint: 'Does the namespace exist, and does the cluster serve this kind?' },
  409: {
    code: 'KUBE_CONFLICT',
    hint: 'Somebody else owns or changed it meanwhile. Agree on one owner, or send the request again.',
  },
  422: { code: 'KUBE_REFUSED', hint: 'The API server refuses the object as it is: mend the field that it names.' },
  400: { code: 'KUBE_REFUSED', hint: 'The API server cannot read the object: mend the field that it names.' },
}

/** Server-side apply tells of an unknown field, or a wrong type, as if the server were at fault (500). */
const untyped = /failed to create typed (?:patch|live) object|field not declared in schema/
const inTrouble = 'The API server is in trouble; look at its health, then try again.'
const asSaid = 'The API server’s own words stand above.'

/** The error of an answer. `what` says what was being done: `apply Deployment app/web`. */
export function statusError(what: string, httpStatus: number, status: Status): MgoError {
  const row = rows[untyped.test(status.message ?? '') ? 422 : httpStatus]
  const busy = httpStatus === 429 || httpStatus >= 500
  const said = clean(withoutLongValues(status.message ?? `HTTP ${httpStatus}`))
  return new MgoError({
    code: row?.code ?? (busy ? 'KUBE_FAILED' : 'KUBE_REFUSED'),
    message: `${what}: ${said}`,
    hint: immutable.says.test(said) ? immutable.hint : (row?.hint ?? (busy ? troubleOf(said) : asSaid)),
  })
}

function troubleOf(said: string): string {
  return webhookAway.says.test(said) ? webhookAway.hint : inTrouble
}

/** The error of a connection that broke or never was. */
export function reachError(server: string, cause: unknown): MgoError {
  const text =
    cause instanceof Error ? `${(cause as NodeJS.ErrnoException).code ?? cause.name}: ${cause.message}` : String(cause)
  const tls = /CERT|certificate|SSL|TLS|self.signed/i.test(text)
  return new MgoError(
    {
      code: 'KUBE_UNREACHABLE',
      message: `the API server ${server} cannot be reached: ${clean(text)}`,
      hint: tls
        ? 'Its certificate is not trusted: look at certificate-authority in the kubeconfig.'
        : 'Is the cluster up, and can this machine reach it? Try `kubectl --context … get --raw /readyz`.',
    },
    { cause },
  )
}

function clean(text: string): string {
  return oneLine(text).slice(0, 2_000)
}
