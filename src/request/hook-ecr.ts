/**
 * Amazon ECR: EventBridge's own events, or CloudEvents that an input transformer made of them: in one piece, or with the data
 * as the body and the rest in headers.
 *
 * @module
 */
import { type Heard, ignored, missing, pushed, type Vendor } from './hook.ts'
import { at, textAt } from './hook-fields.ts'

export const ecr: Vendor = {
  name: 'ecr',
  title: 'Amazon ECR',
  proofs: [{ kind: 'header', names: ['x-webhook-secret', 'authorization'] }],
  delivery: (body) => textAt(body, 'id'),
  // The data alone has no time.
  timeless: true,
  read({ headers, body }) {
    if (at(body, 'detail-type') !== undefined) return readEvent(body)
    if (at(body, 'specversion') !== undefined) return readCloudEvent(body)
    const [type, source] = [headers['ce-type'], headers['ce-source']]
    return type === undefined ? missing('detail-type', 'specversion') : readCloudEvent({ type, source, data: body })
  },
}

function readEvent(body: unknown): Heard {
  const type = textAt(body, 'detail-type') ?? '(none)'
  if (type !== 'ECR Image Action') return ignored(`the event ${type} is no push`)
  const detail = at(body, 'detail')
  const action = `${textAt(detail, 'action-type') ?? '(none)'} ${textAt(detail, 'result') ?? '(none)'}`
  if (action !== 'PUSH SUCCESS') return ignored(`${action} is no push`)
  const repository = textAt(detail, 'repository-name')
  if (repository === undefined) return missing('detail.repository-name')
  const tag = textAt(detail, 'image-tag')
  if (tag === undefined) return ignored('a push without a tag')
  const registry = host(textAt(body, 'account'), textAt(body, 'region'))
  return pushed([{ registry, repository, tag, digest: textAt(detail, 'image-digest') }])
}

function readCloudEvent(body: unknown): Heard {
  const type = textAt(body, 'type') ?? '(none)'
  if (type !== 'com.amazon.ecr.image.push') return ignored(`the event ${type} is no push`)
  const data = at(body, 'data')
  const repository = textAt(data, 'repositoryName')
  if (repository === undefined) return missing('data.repositoryName')
  const tag = textAt(data, 'imageTag')
  if (tag === undefined) return ignored('a push without a tag')
  const [, , , region, account] = (textAt(body, 'source') ?? '').split(':')
  const registry = host(textAt(data, 'registryId') ?? account, region)
  return pushed([{ registry, repository, tag, digest: textAt(data, 'imageDigest') }])
}

function host(account: string | undefined, region: string | undefined): string | undefined {
  if (!/^\d{12}$/.test(account ?? '') || !/^[a-z0-9-]{1,40}$/.test(region ?? '')) return undefined
  return `${account}.dkr.ecr.${region}.amazonaws.com${region?.startsWith('cn-') === true ? '.cn' : ''}`
}
