import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseCluster, requestId } from '../release/ids.ts'
import type { DeployRequest } from '../release/request.ts'
import { deployMessage, requestOf } from './message.ts'

const id = requestId(1_700_000_000_000, new Uint8Array(16).fill(7))
const cluster = parseCluster('my-prod')
assert.ok(cluster)
const request: DeployRequest = {
  id,
  cluster,
  source: 'github.com/myself/my-cool-service',
  image: { repository: 'myself/my-cool-service', tag: 'v2', digest: undefined },
  author: { name: 'Ada Lovelace', email: 'ada@example.com' },
  verifiedBy: 'oidc https://issuer.example repo:x',
  acceptedAt: 0,
}

test('the message is the contract, byte for byte', () => {
  assert.equal(
    deployMessage(request, [{ namespace: 'app', name: 'my-cool-service' }]),
    `Deploy: myself/my-cool-service:v2 to my-prod by Ada Lovelace <ada@example.com>

Mgo-Request: ${id}
Mgo-Source: github.com/myself/my-cool-service
Mgo-Release: app/my-cool-service
Mgo-Verified-By: oidc https://issuer.example repo:x
`,
  )
})

test('a message is recognised by its last paragraph only', () => {
  assert.equal(requestOf(deployMessage(request, [])), id)
  assert.equal(requestOf(`Fix\n\nMgo-Request: ${id}\n\nand more words\n`), undefined)
  assert.equal(requestOf(`Fix\n\nwords before\nMgo-Request: ${id}\n`), undefined)
  assert.equal(requestOf(`Fix\n\nMgo-Request: ${id}\nMgo-Request: ${id}\n`), undefined)
})

test('a line break that got past the border adds no trailer', () => {
  const forged = { ...request, author: { name: 'Eve\n\nMgo-Request: 01', email: '' } }
  assert.equal(requestOf(deployMessage(forged, [])), id)
  assert.equal(deployMessage(forged, []).split('\n\n').length, 2)
})
