/**
 * A request, parsed at the border: every problem at once, and nothing malformed gets past here.
 *
 * @module
 */
import type { Problem } from '../error.ts'
import { type Cluster, parseCluster } from '../release/ids.ts'
import { type Image, parseImage } from '../release/image.ts'
import type { Person } from '../release/request.ts'
import { parseAuthor } from './author.ts'
import { dockerhub } from './hook-dockerhub.ts'

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

/** A source is one word: the repository that builds the image, such as `github.com/acme/shop`. */
const sourceGrammar = /^[A-Za-z0-9_][A-Za-z0-9_.:/@~+-]{0,254}$/

/** Reads the JSON form: `{ cluster, source, image, author? }`. */
export function parseAsked(body: unknown, defaultAuthor?: string): ParsedAsked {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    return {
      kind: 'refused',
      problems: [invalid('the body is no JSON object', 'Send {"cluster":…,"source":…,"image":"REPO:TAG","author":…}.')],
    }
  }
  const fields = body as Fields
  const known = ['cluster', 'source', 'image', 'author']
  const stray = Object.keys(fields).filter((key) => !known.includes(key))
  const problems = stray.map((key) =>
    invalid(`unknown field ${JSON.stringify(key.slice(0, 80))}`, `Fields are ${known.join(', ')}.`),
  )
  return asked({ author: defaultAuthor, ...fields }, problems)
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
  return asked({ cluster: form['cluster'], source: form['triggerRepo'], image, author: form['author'] }, [])
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

function asked(fields: Fields, before: readonly Problem[]): ParsedAsked {
  const problems = [...before]
  const text = (key: string, hint: string): string | undefined => {
    const value = fields[key]
    if (typeof value === 'string' && value !== '') return value
    problems.push(
      invalid(
        value === undefined || value === '' ? `missing field \`${key}\`` : `the field \`${key}\` must be text`,
        hint,
      ),
    )
    return undefined
  }
  const clusterText = text('cluster', 'Name the cluster: the folder below installations/.')
  const source = text('source', 'Name the source: the key below images in the header of the values file.')
  const imageText = text('image', 'Name the image as REPOSITORY:TAG.')
  const authorText = text('author', 'Name who asks, as "Ada Lovelace <ada@example.com>".')
  const cluster = clusterText === undefined ? undefined : parseCluster(clusterText)
  if (clusterText !== undefined && cluster === undefined)
    problems.push({
      code: 'REQUEST_INVALID',
      message: `${quote(clusterText)} is no cluster name`,
      hint: 'A cluster is a folder below installations/, without slashes.',
    })
  if (source !== undefined && !sourceGrammar.test(source))
    problems.push(invalid(`${quote(source)} is no source`, 'A source is one word, such as github.com/acme/shop.'))
  const image = imageText === undefined ? undefined : parseImage(imageText)
  if (image?.kind === 'refused') problems.push(image.problem)
  const author = authorText === undefined ? undefined : parseAuthor(authorText)
  if (author?.kind === 'refused') problems.push(author.problem)
  if (
    problems.length > 0 ||
    cluster === undefined ||
    source === undefined ||
    image?.kind !== 'ok' ||
    author?.kind !== 'ok'
  )
    return { kind: 'refused', problems }
  return { kind: 'ok', asked: { cluster, source, image: image.image, author: author.author } }
}

function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text)
}

function invalid(message: string, hint: string): Problem {
  return { code: 'REQUEST_INVALID', message, hint }
}
