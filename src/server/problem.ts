/**
 * The one place where an error becomes HTTP: `application/problem+json` (RFC 9457) with our code and hint. What nobody
 * foresaw becomes a number for the log, and says nothing about itself.
 *
 * @module
 */
import { type Code, meaning, MgoError, type Place, type Problem } from '../error.ts'
import type { Verdict } from '../release/verdict.ts'
import { plain } from '../text.ts'

export type ProblemJson = {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: Code
  readonly hint: string
  /** Where in which file, for a problem of the gitops repo. */
  readonly at?: Place
  /** All of them, where there are several. */
  readonly problems?: readonly Problem[]
  /** Seconds, as in the header, where they are known. */
  readonly retryAfter?: number
}

/** An error as problem+json. */
export function problemOf(error: unknown): ProblemJson {
  if (error instanceof MgoError) {
    const { problems, retryAfterMs } = error
    const after = retryAfterMs === undefined ? {} : { retryAfter: Math.max(1, Math.ceil(retryAfterMs / 1000)) }
    return { ...problemsOf(problems), ...after }
  }
  const status = (error as { readonly statusCode?: number } | null)?.statusCode ?? 500
  if (status >= 400 && status < 500) return problemsOf([framework(status, error)], status)
  return problemsOf([
    {
      code: 'INTERNAL',
      message: 'mgo itself failed; its log has the cause',
      hint: 'This is a bug of mgo: please report it.',
    },
  ])
}

const hints: Readonly<Record<number, string>> = {
  413: 'A request has 64 KiB at most, and Docker Hub’s 1 MiB.',
  415: 'Send content-type: application/json; POST /deploy takes forms, as curl --data sends them.',
}

/** What the framework refuses before anything of ours sees it: a body too large, a content type, broken JSON. */
function framework(status: number, error: unknown): Problem {
  const message = error instanceof Error ? error.message : 'the request cannot be read'
  return {
    code: 'REQUEST_INVALID',
    message: `HTTP ${status}: ${message}`,
    hint: hints[status] ?? 'See docs/api.md for what this route takes.',
  }
}

/**
 * Problems of a request; the first one gives code and status. They quote what was sent, and curl shows it on a terminal.
 *
 * @param status - instead of the status of the code
 */
export function problemsOf(problems: readonly Problem[], status?: number): ProblemJson {
  const fit = problems.map((one) => ({ ...one, message: plain(one.message), hint: plain(one.hint) }))
  const [first] = fit
  if (first === undefined) throw new Error('refused without a problem')
  const { code, message, hint, at } = first
  return {
    type: `urn:mgo:error:${code}`,
    title: code,
    status: status ?? meaning(code).http,
    detail: message,
    code,
    hint,
    ...(at === undefined ? {} : { at }),
    ...(fit.length > 1 ? { problems: fit } : {}),
  }
}

/** The HTTP status of a verdict: a deploy that did not work must fail `curl --fail`. */
export function statusOf(verdict: Verdict): number {
  if (verdict.problem !== undefined) return meaning(verdict.problem.code).http
  switch (verdict.verdict) {
    case 'failed':
      return 502
    case 'timed-out':
      return 504
    case 'superseded':
      return 409
    case 'refused':
      return 422
    case 'healthy':
    case 'rendered':
    case 'unchanged':
    case 'committed':
    case 'applied':
      return 200
  }
}

/** Why a verdict is not good, in one sentence; for the kept routes, whose callers read one string. */
export function errorText(verdict: Verdict): string {
  if (verdict.problem !== undefined)
    return `${verdict.problem.message} (${verdict.problem.code}). ${verdict.problem.hint}`
  if (verdict.supersededBy !== undefined) return `superseded by the later request ${verdict.supersededBy}`
  const bad = verdict.releases.filter((one) => one.verdict === verdict.verdict)
  return bad.map((one) => `${one.release} ${one.verdict}: ${one.reason}`).join('; ') || verdict.verdict
}
