/**
 * Every way mgo can fail, in one table.
 *
 * A code is a promise to people and scripts: its text may improve, its meaning
 * may not, and it is never reused. `docs/errors.md` explains each one, and
 * `test/errors.test.ts` keeps the two lists equal.
 *
 * `http` is the status of the HTTP answer, `exit` the exit code of the command
 * line (contract: 1 failed, 2 refused or usage, 3 timed out, 4 git, 5 cluster),
 * `retry` says whether the same request may succeed later without a change.
 *
 * @module
 */
const table = {
  // who asked for what
  REQUEST_INVALID: { http: 400, exit: 2, retry: false },
  IMAGE_INVALID: { http: 400, exit: 2, retry: false },
  AUTHOR_INVALID: { http: 400, exit: 2, retry: false },
  CLUSTER_UNKNOWN: { http: 404, exit: 2, retry: false },
  CLUSTER_FROZEN: { http: 409, exit: 2, retry: false },
  SOURCE_UNKNOWN: { http: 404, exit: 2, retry: false },
  RELEASE_UNKNOWN: { http: 404, exit: 2, retry: false },
  REQUEST_UNKNOWN: { http: 404, exit: 2, retry: false },
  REQUEST_CANCELLED: { http: 409, exit: 2, retry: false },
  CANCEL_TOO_LATE: { http: 409, exit: 2, retry: false },
  ROLLBACK_OVERTAKEN: { http: 409, exit: 2, retry: false },
  IDEMPOTENCY_MISMATCH: { http: 409, exit: 2, retry: false },
  REQUEST_POISON: { http: 500, exit: 5, retry: false },
  DEADLINE: { http: 504, exit: 3, retry: true },
  TOO_MANY_STREAMS: { http: 429, exit: 2, retry: true },
  CLUSTER_BUSY: { http: 429, exit: 2, retry: true },
  CLUSTER_FULL: { http: 429, exit: 2, retry: true },
  CLUSTER_SLOW: { http: 504, exit: 5, retry: true },
  OVERLOADED: { http: 503, exit: 2, retry: true },
  UNAUTHORIZED: { http: 401, exit: 2, retry: false },
  FORBIDDEN: { http: 403, exit: 2, retry: false },
  RATE_LIMITED: { http: 429, exit: 2, retry: true },
  ISSUER_UNREACHABLE: { http: 503, exit: 2, retry: true },
  SERVER_UNREACHABLE: { http: 502, exit: 5, retry: true },
  SERVER_SLOW: { http: 504, exit: 3, retry: true },
  USAGE: { http: 400, exit: 2, retry: false },
  // the gitops repo as data
  REPO_INVALID: { http: 422, exit: 2, retry: false },
  EDIT_UNSAFE: { http: 422, exit: 2, retry: false },
  FILE_TOO_LARGE: { http: 422, exit: 2, retry: false },
  // git
  GIT_DENIED: { http: 502, exit: 4, retry: false },
  GIT_UNREACHABLE: { http: 502, exit: 4, retry: true },
  GIT_REFUSED: { http: 502, exit: 4, retry: false },
  GIT_BUSY: { http: 503, exit: 4, retry: true },
  GIT_MISSING: { http: 500, exit: 4, retry: false },
  GIT_NOT_A_REPO: { http: 500, exit: 4, retry: false },
  GIT_DIRTY: { http: 409, exit: 2, retry: false },
  GIT_BEHIND: { http: 409, exit: 4, retry: false },
  GIT_NO_UPSTREAM: { http: 409, exit: 4, retry: false },
  GIT_URL_INVALID: { http: 400, exit: 2, retry: false },
  GIT_REWRITTEN: { http: 502, exit: 4, retry: false },
  GIT_FAILED: { http: 502, exit: 4, retry: false },
  // helm and charts
  HELM_MISSING: { http: 500, exit: 5, retry: false },
  HELM_FAILED: { http: 502, exit: 5, retry: false },
  HELM_PENDING: { http: 409, exit: 5, retry: true },
  CHART_UNAVAILABLE: { http: 502, exit: 5, retry: true },
  CHART_INVALID: { http: 422, exit: 2, retry: false },
  // registries
  REGISTRY_UNREACHABLE: { http: 502, exit: 5, retry: true },
  REGISTRY_DENIED: { http: 502, exit: 5, retry: false },
  // the cluster
  KUBECONFIG_INVALID: { http: 500, exit: 5, retry: false },
  KUBE_UNREACHABLE: { http: 502, exit: 5, retry: true },
  KUBE_DENIED: { http: 502, exit: 5, retry: false },
  KUBE_REFUSED: { http: 502, exit: 5, retry: false },
  KUBE_CONFLICT: { http: 409, exit: 5, retry: true },
  KUBE_FAILED: { http: 502, exit: 5, retry: true },
  // programs and the machine
  PROGRAM_FAILED: { http: 500, exit: 5, retry: false },
  JOURNAL_FAILED: { http: 507, exit: 5, retry: true },
  CONFIG_INVALID: { http: 500, exit: 2, retry: false },
  INTERRUPTED: { http: 503, exit: 5, retry: true },
  INTERNAL: { http: 500, exit: 5, retry: false },
} as const satisfies Record<string, { http: number; exit: number; retry: boolean }>

export type Code = keyof typeof table

/** All codes, in the order of the table. */
export const codes = Object.keys(table) as readonly Code[]

/** What a code means to a door: HTTP status, exit code, and whether trying again can help. */
export function meaning(code: Code): { readonly http: number; readonly exit: number; readonly retry: boolean } {
  return table[code]
}

/** A place in somebody's file. `line` and `column` count from 1; `source` is the whole line. */
export type Place = {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly source?: string
}

/** Something a user can cause, as a value: what happened, where, and the next step. */
export type Problem = {
  readonly code: Code
  readonly message: string
  readonly hint: string
  readonly at?: Place
}

type More = { readonly problems?: readonly Problem[]; readonly retryAfterMs?: number }

/** A failure someone can act on: `message` says what happened, `hint` the next step. */
export class MgoError extends Error {
  override readonly name = 'MgoError'
  readonly code: Code
  readonly hint: string
  readonly problems: readonly Problem[]
  /** After how many milliseconds it may work, where that is known. */
  readonly retryAfterMs: number | undefined

  constructor(problem: Problem, options?: ErrorOptions & More) {
    super(problem.message, options)
    this.code = problem.code
    this.hint = problem.hint
    this.problems = options?.problems ?? [problem]
    this.retryAfterMs = options?.retryAfterMs
  }
}

/** The first lines of a long text in the place form of compilers: `file:line:column`, the line, a caret. */
function showPlace(at: Place): string {
  const head = `${at.file}:${at.line}:${at.column}`
  if (at.source === undefined) return head
  const number = String(at.line)
  const shown = at.source.length > 160 ? at.source.slice(0, 160) : at.source
  // Tabs stay tabs, so that the caret stands below its letter on every terminal.
  const caret = shown.slice(0, Math.min(at.column, 161) - 1).replace(/[^\t]/g, ' ')
  return `${head}\n  ${number} | ${shown}\n  ${' '.repeat(number.length)} | ${caret}^`
}

/** One problem as people read it: code, message, place with caret, hint. */
export function showProblem(problem: Problem): string {
  const place = problem.at ? `\n  at ${showPlace(problem.at)}` : ''
  return `${problem.code}: ${problem.message}${place}\n  ${problem.hint}`
}

/** The words of whatever was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}
