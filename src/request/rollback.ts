/**
 * A request to go back, parsed at the border.
 *
 * @module
 */
import { z } from 'zod'
import type { Problem } from '../error.ts'
import type { Cluster } from '../release/ids.ts'
import type { Person } from '../release/request.ts'
import {
  authorField,
  backToField,
  clusterField,
  invalid,
  missing,
  problemsIn,
  releaseField,
  sourceField,
} from './shape.ts'

/** What is to go back. Of `release` and `source` one is there at least. */
export type RollbackAsked = {
  readonly cluster: Cluster
  readonly release?: string | undefined
  readonly source?: string | undefined
  readonly to?: string | undefined
  readonly author: Person
}

export type ParsedRollback =
  | { readonly kind: 'ok'; readonly asked: RollbackAsked }
  | { readonly kind: 'refused'; readonly problems: readonly Problem[] }

/** The JSON form of a rollback. */
export const rollbackShape = z
  .strictObject({
    cluster: clusterField,
    release: releaseField.optional(),
    source: sourceField.optional(),
    to: backToField.optional(),
    author: authorField.optional(),
  })
  .describe('A release or a source, or both where a release has several images.')

/** Reads the JSON form: `{ cluster, release | source, to?, author? }`. */
export function parseRollback(body: unknown, defaultAuthor?: string): ParsedRollback {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    return {
      kind: 'refused',
      problems: [invalid('the body is no JSON object', 'Send {"cluster":…,"release":"NAMESPACE/NAME","author":…}.')],
    }
  const fields: Readonly<Record<string, unknown>> = { author: defaultAuthor, ...body }
  const got = rollbackShape.safeParse(fields)
  const absent = [
    ...(fields['release'] === undefined && fields['source'] === undefined
      ? [missing('release', 'Name a release, or a source.')]
      : []),
    ...(fields['author'] === undefined ? [missing('author', authorField.description)] : []),
  ]
  const problems = [...(got.success ? [] : problemsIn(got.error.issues, fields, rollbackShape)), ...absent]
  const author = got.data?.author
  if (problems.length > 0 || got.data === undefined || author === undefined) return { kind: 'refused', problems }
  return { kind: 'ok', asked: { ...got.data, author } }
}
