/**
 * JFrog Artifactory. With "Use secret for payload signing" the header holds a signature, without it the secret itself.
 *
 * @module
 */
import { ignored, missing, pushed, type Vendor } from './hook.ts'
import { at, hostOf, textAt } from './hook-fields.ts'

export const jfrog: Vendor = {
  name: 'jfrog',
  title: 'JFrog Artifactory',
  proofs: [
    { kind: 'hmac', header: 'x-jfrog-event-auth', algorithm: 'sha256', prefix: '' },
    { kind: 'header', names: ['x-jfrog-event-auth'] },
  ],
  // A payload without a time: the same tag pushed twice has another sha256, unless it is the same image.
  timeless: true,
  read({ body }) {
    const [domain, type] = [textAt(body, 'domain'), textAt(body, 'event_type')]
    if (domain === undefined || type === undefined) return missing('domain', 'event_type')
    if (domain !== 'docker' || type !== 'pushed') return ignored(`the event ${domain} ${type} is no push of an image`)
    const data = at(body, 'data')
    const [key, name, tag] = [textAt(data, 'repo_key'), textAt(data, 'image_name'), textAt(data, 'tag')]
    if (key === undefined || name === undefined) return missing('data.repo_key', 'data.image_name')
    // The parts of a multi-platform image are pushed as tags that are digests.
    if (tag === undefined || /^sha256(?::|__)/.test(tag)) return ignored('a push without a tag')
    return pushed([{ registry: hostOf(textAt(body, 'jpd_origin')), repository: `${key}/${name}`, tag }])
  },
}
