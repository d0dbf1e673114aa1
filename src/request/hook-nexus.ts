/**
 * Sonatype Nexus 3: repository webhooks, about a component or about one of its assets. It signs with HMAC-SHA1 and knows
 * nothing stronger. The payload names no host: the settings do.
 *
 * @module
 */
import { type Heard, ignored, missing, pushed, type Vendor } from './hook.ts'
import { at, textAt } from './hook-fields.ts'

export const nexus: Vendor = {
  name: 'nexus',
  title: 'Sonatype Nexus 3',
  proofs: [{ kind: 'hmac', header: 'x-nexus-webhook-signature', algorithm: 'sha1', prefix: '' }],
  read({ body }) {
    const action = textAt(body, 'action')
    if (action === undefined) return missing('action')
    if (action !== 'CREATED' && action !== 'UPDATED') return ignored(`the action ${action} is no push`)
    const component = at(body, 'component')
    if (component !== undefined) return readComponent(component, textAt(body, 'initiator'))
    return readAsset(at(body, 'asset'), textAt(body, 'initiator'))
  },
}

function readComponent(component: unknown, by: string | undefined): Heard {
  const format = textAt(component, 'format') ?? '(none)'
  if (format !== 'docker') return ignored(`a component of the format ${format} is no image`)
  const [repository, tag] = [textAt(component, 'name'), textAt(component, 'version')]
  if (repository === undefined) return missing('component.name')
  if (tag === undefined) return ignored('a push without a tag')
  return pushed([{ repository, tag }], by)
}

function readAsset(asset: unknown, by: string | undefined): Heard {
  const format = textAt(asset, 'format') ?? '(none)'
  if (format !== 'docker') return ignored(`an asset of the format ${format} is no image`)
  const path = (textAt(asset, 'name') ?? '').replace(/^\/?v2\//, '')
  const cut = path.lastIndexOf('/manifests/')
  const tag = path.slice(cut + '/manifests/'.length)
  if (cut <= 0 || tag.includes(':')) return ignored('the asset is no tag')
  return pushed([{ repository: path.slice(0, cut), tag }], by)
}
