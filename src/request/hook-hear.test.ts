import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Vendor } from './hook.ts'
import { hear } from './hook-hear.ts'
import { vendorOf } from './hook-vendors.ts'

function vendor(name: string): Vendor {
  const found = vendorOf(name)
  assert.ok(found !== undefined)
  return found
}
const batch = { 'content-type': 'application/cloudevents-batch+json' }
const plain = { 'content-type': 'application/json' }
const pushOf = (id: unknown, tag: string) => ({
  specversion: '1.0',
  id,
  type: 'com.amazon.ecr.image.push',
  data: { repositoryName: 'acme/shop', imageTag: tag },
})
const tagsOf = (heard: ReturnType<typeof hear>) =>
  heard.kind === 'pushed' ? heard.artifacts.map(({ tag, event }) => `${tag} ${event}`) : heard.kind

const cases: [headers: Record<string, string>, body: unknown, want: unknown, why: string][] = [
  [batch, [pushOf('a', 'v1'), pushOf('b', 'v2')], ['v1 ecr:a', 'v2 ecr:b'], 'each event has its own id'],
  [batch, [{ specversion: '1.0' }, 7, pushOf('b', 'v2')], ['v2 ecr:b'], 'odd neighbours harm nobody'],
  [batch, [pushOf(7, 'v1')], ['v1 undefined'], 'an id that is none: the delivery is known by its bytes'],
  [batch, [{ ...pushOf('a', 'v1'), data: {} }], 'unreadable', 'nothing that can be read'],
  [batch, [{ ...pushOf('a', 'v1'), type: 'x' }], 'ignored', 'nothing but ordinary events'],
  [batch, [], 'ignored', 'nothing at all'],
  [batch, pushOf('a', 'v1'), ['v1 undefined'], 'one event, and no list'],
  [plain, [pushOf('a', 'v1')], 'unreadable', 'a list of a vendor that sends none'],
]
for (const [headers, body, want, why] of cases)
  test(`hear: ${why}`, () => assert.deepEqual(tagsOf(hear(vendor('ecr'), { headers, body })), want))

test('what the headers say of one event is true of none of a batch', () => {
  const headers = { ...batch, 'ce-type': 'com.amazon.ecr.image.push' }
  assert.equal(hear(vendor('ecr'), { headers, body: [{ repositoryName: 'a/b', imageTag: 'v1' }] }).kind, 'unreadable')
})

test('a greeting among pushes is not what is answered', () => {
  const greeting = {
    eventType: 'Microsoft.EventGrid.SubscriptionValidationEvent',
    data: { validationCode: 'code-1' },
  }
  const push = {
    id: 'a',
    eventType: 'Microsoft.ContainerRegistry.ImagePushed',
    data: { action: 'push', target: { repository: 'a/b', tag: 'v1' } },
  }
  const acr = vendor('acr')
  assert.deepEqual(hear(acr, { headers: plain, body: [greeting] }), {
    kind: 'greeted',
    answer: { validationResponse: 'code-1' },
  })
  assert.deepEqual(tagsOf(hear(acr, { headers: plain, body: [greeting, push] })), ['v1 acr:a'])
  const odd = { ...greeting, data: { validationCode: '<script>' } }
  assert.equal(hear(acr, { headers: plain, body: [odd] }).kind, 'unreadable')
})
