/**
 * Alibaba Cloud Container Registry: no signature, no id.
 *
 * @module
 */
import { ignored, missing, pushed, type Vendor } from './hook.ts'
import { at, textAt } from './hook-fields.ts'

export const aliyun: Vendor = {
  name: 'aliyun',
  title: 'Alibaba Cloud Container Registry',
  proofs: [{ kind: 'path' }],
  read({ body }) {
    const found = at(body, 'repository')
    const [namespace, name] = [textAt(found, 'namespace'), textAt(found, 'name')]
    const joined = namespace === undefined || name === undefined ? undefined : `${namespace}/${name}`
    const repository = textAt(found, 'repo_full_name') ?? joined
    const pushData = at(body, 'push_data')
    if (repository === undefined || pushData === undefined) return missing('repository.repo_full_name', 'push_data')
    const tag = textAt(pushData, 'tag')
    if (tag === undefined) return ignored('a push without a tag')
    const region = textAt(found, 'region')
    const registry = /^[a-z0-9-]{1,40}$/.test(region ?? '') ? `registry.${region}.aliyuncs.com` : undefined
    return pushed([{ registry, repository, tag, digest: textAt(pushData, 'digest') }])
  },
}
