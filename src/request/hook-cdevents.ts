/**
 * CDEvents: an artifact was published, named by a package URL (github.com/package-url/purl-spec, types `oci` and
 * `docker`). As CloudEvents, binary or structured, or bare.
 *
 * @module
 */
import { ignored, missing, pushed, type Artifact, type Vendor } from './hook.ts'
import { at, hostOf, splitImage, textAt } from './hook-fields.ts'

export const cdevents: Vendor = {
  name: 'cdevents',
  title: 'CDEvents',
  proofs: [
    { kind: 'hmac', header: 'x-signature-256', algorithm: 'sha256', prefix: 'sha256=' },
    { kind: 'header', names: ['authorization', 'x-webhook-secret'] },
  ],
  delivery: (body) => textAt(eventOf(body), 'context', 'id'),
  read({ headers, body }) {
    const event = eventOf(body)
    const type = textAt(event, 'context', 'type') ?? headers['ce-type']
    if (type === undefined) return missing('context.type')
    if (!type.startsWith('dev.cdevents.artifact.published.'))
      return ignored(`the event ${type.slice(0, 80)} is no push`)
    const id = textAt(event, 'subject', 'id')
    if (id === undefined) return missing('subject.id')
    const artifact = parsePurl(id)
    if (artifact === undefined) return ignored('the subject is no image with a tag')
    return pushed([artifact], textAt(event, 'subject', 'content', 'user'))
  },
}

/** A structured CloudEvent carries the event as its data. */
function eventOf(body: unknown): unknown {
  return at(body, 'specversion') === undefined ? body : at(body, 'data')
}

function parsePurl(purl: string): Artifact | undefined {
  const found = /^pkg:(oci|docker)\/([^?#]{1,512})(?:\?([^#]{0,512}))?/.exec(purl)
  if (found === null) return undefined
  const query = new URLSearchParams(found[3] ?? '')
  const [path = '', version] = decoded(found[2] ?? '').split('@')
  const address = splitImage(query.get('repository_url') ?? '')
  const tag = query.get('tag') ?? address.tag ?? (version?.includes(':') === true ? undefined : version)
  if (tag === undefined || tag === '') return undefined
  // `oci`: the address is the whole repository. `docker`: it is the registry, and the name has the namespace.
  const host = hostOf(address.name)
  const name = found[1] === 'oci' && address.name !== '' ? address.name : host === undefined ? path : `${host}/${path}`
  const registry = hostOf(name)
  const digest = version?.startsWith('sha256:') === true ? version : undefined
  return { registry, repository: registry === undefined ? name : name.slice(registry.length + 1), tag, digest }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
