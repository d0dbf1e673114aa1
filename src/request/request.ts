/**
 * A request, parsed at the border: every problem at once, and nothing malformed gets past here.
 *
 * @module
 */
import { z } from 'zod'
import type { Problem } from '../error.ts'
import type { Cluster } from '../release/ids.ts'
import type { Image } from '../release/image.ts'
import type { Person } from '../release/request.ts'
import { dockerhub } from './hook-dockerhub.ts'
import { authorField, clusterField, imageField, invalid, missing, problemsIn, sourceField } from './shape.ts'

/** What a request asks for, before it has an id. */
export type Asked = {
  readonly cluster: Cluster
  readonly source: string
  readonly image: Image
  readonly author: Person
}

export type ParsedAsked =
  | { readonly kind: 'ok'; readonly asked: Asked }
  | { readonly kind: 'refused'; readonly problems: readonly Problem[] }

type Fields = Readonly<Record<string, unknown>>

/** The JSON form of a deploy. */
export const askedShape = z.strictObject({
  cluster: clusterField,
  source: sourceField,
  image: imageField,
  author: authorField.optional(),
})

/** Reads the JSON form: `{ cluster, source, image, author? }`. */
export function parseAsked(body: unknown, defaultAuthor?: string): ParsedAsked {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    return {
      kind: 'refused',
      problems: [invalid('the body is no JSON object', 'Send {"cluster":…,"source":…,"image":"REPO:TAG","author":…}.')],
    }
  return asked({ author: defaultAuthor, ...body })
}

/** The kept form fields, in the order in which the old tool looked at them. */
export const formFields = ['triggerRepo', 'imageRepo', 'imageTag', 'author', 'cluster'] as const

/** Reads the kept form of `POST /deploy`. A missing field is told in the old tool's words. */
export function parseForm(form: Fields): ParsedAsked {
  const missing = formFields.filter((field) => typeof form[field] !== 'string' || form[field] === '')
  if (missing.length > 0) {
    return {
      kind: 'refused',
      problems: missing.map((field) =>
        invalid(`missing parameter \`${field}\``, `Send the form fields ${formFields.join(', ')}.`),
      ),
    }
  }
  const tag = String(form['imageTag'])
  const image = tag.startsWith('sha256:')
    ? `${String(form['imageRepo'])}@${tag}`
    : `${String(form['imageRepo'])}:${tag}`
  return asked({ cluster: form['cluster'], source: form['triggerRepo'], image, author: form['author'] })
}

/** Reads Docker Hub's webhook; `triggerRepo` and `cluster` come from the address. */
export function parseDockerHub(query: Fields, payload: unknown): ParsedAsked {
  const heard = dockerhub.read({ headers: {}, body: payload })
  const [pushed] = heard.kind === 'pushed' ? heard.artifacts : []
  return parseForm({
    triggerRepo: query['triggerRepo'],
    cluster: query['cluster'],
    imageRepo: pushed?.repository,
    imageTag: pushed?.tag,
    author: heard.kind === 'pushed' ? heard.by : undefined,
  })
}

function asked(fields: Fields): ParsedAsked {
  const got = askedShape.safeParse(fields)
  const problems = got.success ? [] : problemsIn(got.error.issues, fields, askedShape)
  if (fields['author'] === undefined)
    return { kind: 'refused', problems: [...problems, missing('author', authorField.description)] }
  const author = got.data?.author
  if (got.data === undefined || author === undefined) return { kind: 'refused', problems }
  return { kind: 'ok', asked: { ...got.data, author } }
}
