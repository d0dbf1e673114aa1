/**
 * For everything that can send JSON: `{"id", "image": "HOST/NAME:TAG"}`, `{"id", "images": [...]}`, or Keel's
 * `{"host", "name", "tag", "digest"}`. Signed, or with a token of an issuer.
 *
 * @module
 */
import { ignored, missing, pushed, type Artifact, type Proof, type Vendor } from './hook.ts'
import { at, hostOf, listAt, splitImage, textAt } from './hook-fields.ts'

export const generic: Vendor = {
  name: 'generic',
  title: 'Generic',
  // The second is the header of Flux's receivers.
  proofs: [signed('x-signature-256'), signed('x-signature'), { kind: 'oidc' }],
  delivery: (body) => textAt(body, 'id'),
  // A sender that names no id may send the very same bytes for a later push.
  timeless: true,
  read({ body }) {
    const [name, tag] = [textAt(body, 'name'), textAt(body, 'tag')]
    if (name !== undefined && tag !== undefined)
      return pushed([{ registry: textAt(body, 'host'), repository: name, tag, digest: textAt(body, 'digest') }])
    const images = listAt(body, 'images') ?? (at(body, 'image') === undefined ? undefined : [at(body, 'image')])
    if (images === undefined) return missing('image', 'images', 'name and tag')
    const artifacts = images.flatMap((one) => (typeof one === 'string' ? (artifactOf(one) ?? []) : []))
    return artifacts.length === 0 ? ignored('no image has a tag') : pushed(artifacts, textAt(body, 'by'))
  },
}

function signed(header: string): Proof {
  return { kind: 'hmac', header, algorithm: 'sha256', prefix: 'sha256=' }
}

function artifactOf(text: string): Artifact | undefined {
  if (text.length > 1_024) return undefined
  const { name, tag, digest } = splitImage(text)
  if (tag === undefined) return undefined
  const registry = name.includes('/') ? hostOf(name) : undefined
  return { registry, repository: registry === undefined ? name : name.slice(registry.length + 1), tag, digest }
}
