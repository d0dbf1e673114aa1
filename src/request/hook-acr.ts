/**
 * Azure Container Registry.
 *
 * @module
 */
import { ignored, missing, pushed, type Vendor } from './hook.ts'
import { at, textAt } from './hook-fields.ts'

export const acr: Vendor = {
  name: 'acr',
  title: 'Azure Container Registry',
  proofs: [{ kind: 'header', names: ['authorization', 'x-webhook-secret'] }],
  delivery: (body) => textAt(body, 'id'),
  read({ body }) {
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
  },
}
