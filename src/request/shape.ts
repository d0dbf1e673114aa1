/**
 * The fields that requests are made of. Each reads its text, and says what is wrong with it; the API's description is
 * made from the same shapes.
 *
 * @module
 */
import { z } from 'zod'
import type { Problem } from '../error.ts'
import { parseCluster } from '../release/ids.ts'
import { parseImage } from '../release/image.ts'
import { parseAuthor } from './author.ts'

/** A source is one word: the repository that builds the image, such as `github.com/acme/shop`. */
const sourceGrammar = /^[A-Za-z0-9_][A-Za-z0-9_.:/@~+-]{0,254}$/

type Read<T> = { readonly kind: 'ok'; readonly value: T } | { readonly kind: 'refused'; readonly problem: Problem }

/** A text that is not empty, and what it is read as. */
function word<T>(read: (text: string) => Read<T>) {
  return z
    .string()
    .min(1)
    .transform((text, context): T => {
      const got = read(text)
      if (got.kind === 'ok') return got.value
      context.addIssue({ code: 'custom', message: got.problem.message, params: { problem: got.problem } })
      return z.NEVER
    })
}

export const clusterField = word((text) => {
  const value = parseCluster(text)
  return value === undefined
    ? refused(`${quote(text)} is no cluster name`, 'A cluster is a folder below installations/, without slashes.')
    : { kind: 'ok', value }
}).describe('The cluster: the folder below installations/.')

export const sourceField = word((text) =>
  sourceGrammar.test(text)
    ? { kind: 'ok', value: text }
    : refused(`${quote(text)} is no source`, 'A source is one word, such as github.com/acme/shop.'),
).describe('The source: the key below images in the header of the values file.')

export const imageField = word((text) => {
  const got = parseImage(text)
  return got.kind === 'ok' ? { kind: 'ok', value: got.image } : got
}).describe('The image, as REPOSITORY:TAG, REPOSITORY@sha256:… or both.')

export const authorField = word((text) => {
  const got = parseAuthor(text)
  return got.kind === 'ok' ? { kind: 'ok', value: got.author } : got
}).describe('Who asks, as "Ada Lovelace <ada@example.com>"; a claim where the server verifies who calls.')

/** A name as verdicts say it; whether there is one is for the repo to say. */
const nameGrammar = /^[a-z0-9](?:[a-z0-9./-]{0,511})$/

export const releaseField = word((text) =>
  nameGrammar.test(text)
    ? { kind: 'ok', value: text }
    : refused(`${quote(text)} is no release`, 'A release is NAMESPACE/NAME, such as shop/web.'),
).describe('The release: NAMESPACE/NAME, or the name where it is the only one.')

export const backToField = word((text) =>
  /^[0-9a-f]{4,64}$/.test(text) || parseImage(text).kind === 'ok'
    ? { kind: 'ok', value: text }
    : refused(
        `${quote(text)} is neither commit nor image`,
        'Name a commit of its file, or an image as REPOSITORY:TAG.',
      ),
).describe('A commit of the release’s file, or an image that it had; default: the last commit with other images.')

type Shape = { readonly shape: Readonly<Record<string, { readonly description?: string | undefined }>> }

/** Every problem of what was given, from the issues of its shape. */
export function problemsIn(issues: z.ZodError['issues'], given: unknown, { shape }: Shape): readonly Problem[] {
  const strayFirst = issues.toSorted((a, b) => Number(isStray(b)) - Number(isStray(a)))
  return strayFirst.flatMap((issue) => {
    if (issue.code === 'custom' && isProblem(issue.params?.['problem'])) return [issue.params['problem']]
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map((key) =>
        invalid(`unknown field ${JSON.stringify(key.slice(0, 80))}`, `Fields are ${Object.keys(shape).join(', ')}.`),
      )
    const key = String(issue.path[0] ?? '')
    const value = typeof given === 'object' && given !== null ? (given as Record<string, unknown>)[key] : undefined
    if (value === undefined || value === '') return [missing(key, shape[key]?.description)]
    return [invalid(`the field \`${key}\` must be text`, shape[key]?.description ?? 'See docs/api.md.')]
  })
}

function isStray({ code }: z.ZodError['issues'][number]): boolean {
  return code === 'unrecognized_keys'
}

/** A field that must be there, and is not. */
export function missing(key: string, description = 'See docs/api.md.'): Problem {
  return invalid(`missing field \`${key}\``, description)
}

function isProblem(value: unknown): value is Problem {
  return typeof value === 'object' && value !== null && 'code' in value && 'hint' in value
}

function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text)
}

function refused(message: string, hint: string): { readonly kind: 'refused'; readonly problem: Problem } {
  return { kind: 'refused', problem: invalid(message, hint) }
}

/** A request that cannot be read. */
export function invalid(message: string, hint: string): Problem {
  return { code: 'REQUEST_INVALID', message, hint }
}
