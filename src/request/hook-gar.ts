/**
 * Google Artifact Registry (and Container Registry): notifications of the topic `gcr`, pushed by Pub/Sub. A subscription
 * may be set to send the notice alone, without the envelope of Pub/Sub and its id.
 *
 * @module
 */
import { ignored, missing, pushed, type Vendor } from './hook.ts'
import { at, hostOf, splitImage, textAt } from './hook-fields.ts'

export const gar: Vendor = {
  name: 'gar',
  title: 'Google Artifact Registry',
  proofs: [{ kind: 'oidc' }],
  delivery: (body) => textAt(body, 'message', 'messageId') ?? textAt(body, 'message', 'message_id'),
  // The notice alone has no time: the same tag pushed again looks like a retry.
  timeless: true,
  read({ body }) {
    const isWrapped = at(body, 'message') !== undefined
    const notice = isWrapped ? decoded(at(body, 'message', 'data')) : body
    // Anybody who may publish to the topic can try it out; Pub/Sub sends what is refused again for days.
    if (isWrapped && at(notice, 'action') === undefined) return ignored('the message is no notice of a registry')
    if (at(notice, 'action') === undefined) return missing('message', 'action')
    const action = textAt(notice, 'action')
    if (action !== 'INSERT') return ignored(`the action ${action ?? '(none)'} is no push`)
    const image = textAt(notice, 'tag')
    if (image === undefined) return ignored('a push without a tag')
    const { name, tag } = splitImage(image)
    const registry = hostOf(name)
    if (tag === undefined || registry === undefined) return missing('tag of the form HOST/NAME:TAG')
    const digest = splitImage(textAt(notice, 'digest') ?? '').digest
    return pushed([{ registry, repository: name.slice(registry.length + 1), tag, digest }])
  },
}

/** Two long names make more than any other text has. */
const longest = 8_192

function decoded(data: unknown): unknown {
  if (typeof data !== 'string' || data.length > longest) return undefined
  try {
    return JSON.parse(atob(data))
  } catch {
    return undefined
  }
}
