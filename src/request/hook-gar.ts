/**
 * Google Artifact Registry (and Container Registry): notifications of the topic `gcr`, pushed by Pub/Sub.
 *
 * @module
 */
import { ignored, missing, pushed, type Vendor } from './hook.ts'
import { hostOf, splitImage, textAt } from './hook-fields.ts'

export const gar: Vendor = {
  name: 'gar',
  title: 'Google Artifact Registry',
  proofs: [{ kind: 'oidc' }],
  delivery: (body) => textAt(body, 'message', 'messageId') ?? textAt(body, 'message', 'message_id'),
  read({ body }) {
    const data = textAt(body, 'message', 'data')
    if (data === undefined) return missing('message.data')
    const notice = decoded(data)
    if (notice === undefined) return { kind: 'unreadable', why: 'message.data is no base64 of a JSON text' }
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

function decoded(data: string): unknown {
  try {
    return JSON.parse(atob(data))
  } catch {
    return undefined
  }
}
