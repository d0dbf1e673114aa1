/**
 * Azure Container Registry: by its own webhooks, or through Azure Event Grid, whose events carry the same in `data`.
 *
 * Event Grid wants to hear its code again before it sends anything. The address that it names for the same purpose is
 * never called: an address in a payload is nothing to send requests to.
 *
 * @module
 */
import { type Heard, ignored, missing, pushed, type Vendor } from './hook.ts'
import { at, textAt } from './hook-fields.ts'

const greeting = 'Microsoft.EventGrid.SubscriptionValidationEvent'

export const acr: Vendor = {
  name: 'acr',
  title: 'Azure Container Registry',
  proofs: [{ kind: 'header', names: ['authorization', 'x-webhook-secret'] }],
  delivery: (body) => textAt(body, 'id'),
  lists: true,
  greets: (headers) => headers['aeg-event-type'] === 'SubscriptionValidation',
  read({ body }) {
    const cloud = at(body, 'specversion') === undefined ? undefined : (textAt(body, 'type') ?? '(none)')
    const type = textAt(body, 'eventType') ?? cloud
    if (type === undefined) return readPush(body)
    if (type === greeting) return readGreeting(at(body, 'data'))
    if (type !== 'Microsoft.ContainerRegistry.ImagePushed') return ignored(`the event ${type.slice(0, 80)} is no push`)
    return readPush(at(body, 'data'))
  },
}

function readPush(body: unknown): Heard {
  const action = textAt(body, 'action')
  if (action === undefined) return missing('action')
  if (action !== 'push') return ignored(`the action ${action} is no push of an image`)
  const target = at(body, 'target')
  const repository = textAt(target, 'repository')
  if (repository === undefined) return missing('target.repository')
  const tag = textAt(target, 'tag')
  if (tag === undefined) return ignored('a push without a tag')
  const registry = textAt(body, 'request', 'host')
  return pushed([{ registry, repository, tag, digest: textAt(target, 'digest') }], textAt(body, 'actor', 'name'))
}

function readGreeting(data: unknown): Heard {
  const code = textAt(data, 'validationCode') ?? ''
  if (!/^[A-Za-z0-9-]{1,100}$/.test(code)) return missing('data.validationCode')
  return { kind: 'greeted', answer: { validationResponse: code } }
}
