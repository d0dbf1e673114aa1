/**
 * Docker Hub: one tag a delivery, no signature, no id. Its `callback_url` is never called: an address in a payload is
 * nothing to send requests to.
 *
 * @module
 */
import { pushed, missing, type Vendor } from './hook.ts'
import { textAt } from './hook-fields.ts'

export const dockerhub: Vendor = {
  name: 'dockerhub',
  title: 'Docker Hub',
  proofs: [{ kind: 'path' }],
  read({ body }) {
    const [namespace, name] = [textAt(body, 'repository', 'namespace'), textAt(body, 'repository', 'name')]
    const joined = namespace === undefined || name === undefined ? undefined : `${namespace}/${name}`
    const repository = textAt(body, 'repository', 'repo_name') ?? joined
    const tag = textAt(body, 'push_data', 'tag')
    if (repository === undefined || tag === undefined) return missing('repository.repo_name', 'push_data.tag')
    return pushed([{ registry: 'docker.io', repository, tag }], textAt(body, 'push_data', 'pusher'))
  },
}
